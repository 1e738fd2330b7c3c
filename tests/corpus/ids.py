# SPDX-License-Identifier: Apache-2.0
"""One maker for each type of the catalogue: a random value in its documented format.

A format is text with pieces in angle brackets, `<class length>`; "|" separates alternatives:

  x X  hexadecimal digits        d  digits                  l  lower case and digits, both of them
  U    capitals and digits       a  letters and digits      B  base64
  K    the alphabet of IAM ids   H  that of CloudHSM        u  a UUID (no length)
  n    a name: kebab             s  snake   c  Camel        m  any of these
  p    a password                r  a Region                i  an octet
"""
import re
from typing import Callable, Dict, List

from dice import Dice

HEX = "0123456789abcdef"
LOWER = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
CHARS = {"x": HEX, "X": HEX.upper(), "d": DIGITS, "l": LOWER + DIGITS, "U": LOWER.upper() + DIGITS,
         "a": LOWER + LOWER.upper() + DIGITS, "B": LOWER + LOWER.upper() + DIGITS + "+/",
         "K": LOWER.upper() + "234567", "H": "234567" + LOWER + LOWER.upper(),
         "p": LOWER + LOWER.upper() + DIGITS + "_!.~-"}
REGIONS = ["us-east-1", "us-east-2", "us-west-2", "eu-west-1", "eu-central-1", "eu-north-1", "ap-southeast-2",
           "ap-northeast-1", "ca-central-1", "sa-east-1", "me-south-1", "af-south-1", "us-gov-west-1"]
WORDS = """amber anvil aspen badger barley basil beacon birch bison bramble brook canyon carrot cedar cinder clover
cobalt comet copper coral corvid crane cricket dahlia delta dingo drift dune ember falcon fennel fern finch fjord
flint fossil fresco garnet gecko ginger glacier granite grove gull harbor hazel heron hickory indigo iris ivory jade
juniper kelp kestrel lagoon lantern larch laurel lichen lilac linden lotus lynx magpie mallow mango maple marble marsh
meadow merlin mica mistral moss nectar nettle nimbus nutmeg oasis ocelot onyx opal orchid osprey otter oyster papaya
pebble pelican pepper petrel pewter pine plover poppy prairie puffin quail quartz quince raven reed ridge robin rowan
saffron sage sequoia shale sierra sorrel spruce squall starling sumac tamarind tansy teal thistle thyme tidal topaz
tulip tundra turnip umber vale velvet verbena vireo walnut warbler weasel willow wren yarrow zephyr zinnia""".split()
ROLES = """api worker ledger invoice billing checkout ingest export orders catalog search mailer gateway batch report
audit archive stream events metrics session media images backup assets uploads analytics payments profile inventory
shipping pricing tenant fraud loyalty renderer scheduler webhook notifier""".split()
STAGES = ["prod", "stg", "dev", "qa", "uat", "live", "blue", "eu", "us", "v2", "v3", "01", "02"]

PREFIX = {  # a prefix and 17 hexadecimal digits; those of the first line have been 8 once
    8: """EC2_INSTANCE i EBS_VOLUME vol EBS_SNAPSHOT snap EC2_IMAGE ami NETWORK_INTERFACE eni ENI_ATTACHMENT eni-attach
        SECURITY_GROUP sg VPC vpc SUBNET subnet ROUTE_TABLE rtb ROUTE_TABLE_ASSOC rtbassoc INTERNET_GATEWAY igw
        EGRESS_GATEWAY eigw ELASTIC_IP eipalloc ELASTIC_IP_ASSOC eipassoc NETWORK_ACL acl NETWORK_ACL_ASSOC aclassoc
        VPC_ENDPOINT vpce VPC_ENDPOINT_SERVICE vpce-svc VPC_PEERING pcx VPN_GATEWAY vgw VPN_CONNECTION vpn
        CUSTOMER_GATEWAY cgw DHCP_OPTIONS dopt PREFIX_LIST pl EFS_FILE_SYSTEM fs EFS_ACCESS_POINT fsap
        EFS_MOUNT_TARGET fsmt EC2_RESERVATION r VPC_CIDR_ASSOC vpc-cidr-assoc SUBNET_CIDR_BLOCK subnet-cidr-assoc
        IMPORT_IMAGE_TASK import-ami IMPORT_SNAPSHOT_TASK import-snap IMPORT_INSTANCE_TASK import-i
        IMPORT_VOLUME_TASK import-vol EXPORT_IMAGE_TASK export-ami EXPORT_INSTANCE_TASK export-i""",
    17: """LAUNCH_TEMPLATE lt SECURITY_GROUP_RULE sgr NAT_GATEWAY nat TRANSIT_GATEWAY tgw TRANSIT_ATTACHMENT tgw-attach
        TRANSIT_ROUTES tgw-rtb ENDPOINT_NOTIFICATION vpce-nfn TRANSIT_CONNECT_PEER tgw-connect-peer
        TRANSIT_MULTICAST tgw-mcast-domain CLIENT_VPN cvpn-endpoint CLIENT_VPN_ASSOC cvpn-assoc KEY_PAIR key
        CAPACITY_RESERVATION cr CAPACITY_FLEET crf DEDICATED_HOST h HOST_RESERVATION hr PROFILE_ASSOC iip-assoc
        FLOW_LOG fl LOCAL_GATEWAY lgw LOCAL_GATEWAY_ROUTES lgw-rtb CARRIER_GATEWAY cagw PLACEMENT_GROUP pg
        INSTANCE_CONNECT eice TRAFFIC_MIRROR_TARGET tmt TRAFFIC_MIRROR_FILTER tmf TRAFFIC_MIRROR_SESSION tms
        INSIGHTS_PATH nip INSIGHTS_ANALYSIS nia INSIGHTS_SCOPE nis INSIGHTS_SCOPE_ANALYSIS nisa IPAM ipam
        IPAM_POOL ipam-pool IPAM_SCOPE ipam-scope IPAM_ALLOCATION ipam-pool-alloc IPAM_DISCOVERY ipam-res-disco
        IPAM_DISCOVERY_ASSOC ipam-res-disco-assoc BYOIP_POOL ipv4pool-ec2 CUSTOMER_IP_POOL ipv4pool-coip
        COIP_POOL coip-pool FPGA_IMAGE afi VERIFIED_ACCESS vai OUTPOST op EVENT_WINDOW iew
        INSTANCE_EVENT instance-event ROOT_VOLUME_TASK replacevol COPY_JOB copy LATTICE_SERVICE svc LATTICE_NETWORK sn
        LATTICE_TARGETS tg CORE_NETWORK core-network GLOBAL_NETWORK global-network NETWORK_DEVICE device
        NETWORK_SITE site NETWORK_LINK link NETWORK_ATTACHMENT attachment NETWORK_CONNECT_PEER connect-peer
        NETWORK_PEERING peering FSX_VOLUME fsvol FSX_SVM svm FSX_BACKUP backup FSX_REPOSITORY_ASSOC dra
        DATASYNC_TASK task DATASYNC_LOCATION loc DATASYNC_AGENT agent TRANSFER_SERVER s MANAGED_INSTANCE mi
        MAINTENANCE_WINDOW mw PATCH_BASELINE pb KMS_KEY_STORE cks""",
}
FORMATS: Dict[str, str] = {
    # a prefix and another alphabet
    "SPOT_REQUEST": "sir-<l8>", "SPOT_FLEET": "sfr-<u>", "EC2_FLEET": "fleet-<u>", "OPS_ITEM": "oi-<x12>",
    "STORAGE_GATEWAY": "sgw-<X8>", "STORAGE_SHARE": "share-<X8>", "RDS_RESOURCE": "db-<U26>",
    "RDS_CLUSTER_RESOURCE": "cluster-<U26>", "RDS_ENDPOINT_RESOURCE": "cluster-endpoint-<U26>",
    "RDS_PROXY_RESOURCE": "prx-<x17>|prx-endpoint-<x17>", "BLUE_GREEN_DEPLOYMENT": "bgd-<l16>",
    "ROUTE53_RESOLVER": "rslvr-in-<x17>|rslvr-out-<x17>|rslvr-rr-<x17>|rslvr-rrassoc-<x17>|rslvr-frg-<x17>",
    "ORGANIZATION": "o-<l10>", "ORG_UNIT": "ou-<l4>-<l8>", "ACCOUNT_REQUEST": "car-<x32>",
    "SSO_INSTANCE": "ssoins-<x16>", "SSO_PERMISSION_SET": "ps-<x16>", "SSO_APPLICATION": "apl-<x16>",
    "DIRECTORY": "d-<x10>", "STUDIO_DOMAIN": "d-<l12>", "CODE_DEPLOYMENT": "d-<U9>",
    "PROMETHEUS_WORKSPACE": "ws-<u>", "DESKTOP": "ws-<l9>", "DESKTOP_BUNDLE": "wsb-<l9>",
    "GRAFANA_WORKSPACE": "g-<x10>", "WORKMAIL_ORG": "m-<x32>", "BEANSTALK_ENV": "e-<l10>",
    "EMR_CLUSTER": "j-<U13>", "EMR_STEP": "s-<U13>", "EMR_GROUP": "ig-<U13>", "EMR_FLEET": "if-<U13>",
    "CATALOG_PRODUCT": "prod-<l13>", "CATALOG_PORTFOLIO": "port-<l13>", "CATALOG_ARTIFACT": "pa-<l13>",
    "CATALOG_PROVISIONED": "pp-<l13>", "CLOUDMAP_NAMESPACE": "ns-<l16>", "CLOUDMAP_SERVICE": "srv-<l16>",
    "GLUE_RUN": "jr_<x64>", "CONFIG_RULE": "config-rule-<l6>", "LIGHTSAIL_RESOURCE": "ls-<x40>",
    "DX_CONNECTION": "dxcon-<l8>", "DX_INTERFACE": "dxvif-<l8>", "DX_LAG": "dxlag-<l8>",
    "KMS_MULTI_REGION": "mrk-<x32>", "MQ_BROKER": "b-<u>", "HSM_CLUSTER": "cluster-<H11>",
    "COGNITO_USER_POOL": "<r>_<a9>", "COGNITO_IDENTITY_POOL": "<r>:<u>",
    # addresses
    "PRIVATE_IPV4": "10.<i>.<i>.<i>|172.2<d1>.<i>.<i>|192.168.<i>.<i>|100.9<d1>.<i>.<i>",
    "EC2_HOSTNAME": "ip-10-<i>-<i>-<i>|ip-172-31-<i>-<i>",
    "PUBLIC_HOSTNAME": "ec2-54-<i>-<i>-<i>|ec2-3-<i>-<i>-<i>",
    "ENDPOINT_HOSTNAME": "vpce-<x17>-<l8>",
    "IPV6_ADDRESS": "2600:1f18:<x4>:<x4>:<x4>:<x4>:<x4>:<x4>|2a05:d018:<x3>:<x4>::<x2>|2406:da1c:<x3>:<x4>:<x4>::1",
    "PRIVATE_IPV6": "fd<x2>:<x4>:<x4>::<x2>|fd<x2>:<x4>:<x4>:1:<x4>:<x4>:<x4>:<x4>",
    # IAM
    "AWS_ACCOUNT": "<D12>", "IAM_UNIQUE_ID": "AROA<K17>|AIDA<K17>|AGPA<K17>|ANPA<K17>|AIPA<K17>",
    # secrets
    "ACCESS_KEY_ID": "AKIA<K16>|ASIA<K16>", "SECRET_ACCESS_KEY": "<B40>",
    "SESSION_TOKEN": "IQoJb3JpZ2luX2Vj<B280>|FwoGZXIvYXdzE<B240>==", "PASSWORD": "<p16>|<m>-<d3><a6>",
    "REQUEST_SIGNATURE": "<x64>", "EXTERNAL_ID": "<m>-<x8>|<u>", "SHARED_KEY": "<a32>", "API_KEY": "<a40>",
    "CLIENT_SECRET": "<l52>", "AUTH_TOKEN": "eyJ<a120>.<a180>.<a43>|aoaAAAAA<a90>", "APPSYNC_KEY": "da2-<l26>",
    "BEDROCK_KEY": "ABSK<B128>|bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t<a160>", "PRIVATE_KEY": "<B64>",
    "KUBERNETES_SECRET": "<B32>|<B43>=|<B22>==", "KMS_CIPHERTEXT": "AQICAHh<B180>=",
    # what only its company gives away
    "KMS_KEY": "<u>", "KMS_ALIAS": "<m>|<n>/<n>", "KMS_GRANT": "<x64>", "ROUTE53_ZONE": "Z<U13>|Z0<U19>",
    "ROUTE53_HEALTH": "<u>", "CLOUDFRONT_ID": "E<U13>|E<U12>", "CLOUDFRONT_KEY": "K<U13>",
    "CANONICAL_USER": "<x64>",
    "COGNITO_CLIENT": "<l26>", "ORG_ROOT": "r-<l4>", "ORG_POLICY": "p-<l10>", "ORG_HANDSHAKE": "h-<x32>",
    "APPCONFIG_ID": "<l7>", "VALIDATION_RECORD": "<x32>", "CERTIFICATE_ID": "<u>|<x64>",
    "WEB_ACL": "<u>", "GUARDDUTY_ID": "<x32>", "ECS_TASK": "<x32>", "RUN_ID": "<u>",
    "IDENTITY_USER": "<x10>-<u>|<u>", "AGENT_ID": "<U10>", "PINPOINT_APP": "<x32>", "CODE_BUILD": "<n>:<u>",
    # labels of host names
    "RDS_HASH": "c<l11>", "ELB_HASH": "<x16>", "DOCDB_HASH": "c<l11>", "NEPTUNE_HASH": "c<l11>",
    "REDSHIFT_HASH": "c<l11>", "ELASTICACHE_HASH": "<l6>", "MEMORYDB_HASH": "<l6>", "OPENSEARCH_HASH": "<l26>",
    "SERVERLESS_SEARCH": "<l20>", "DAX_HASH": "<l6>", "KAFKA_HASH": "<l6>", "CLOUDFRONT_DOMAIN": "d<l13>",
    "API_GATEWAY": "<l10>", "API_DOMAIN": "d-<l10>", "LAMBDA_URL": "<l32>", "APPRUNNER_DOMAIN": "<l10>",
    "AMPLIFY_APP": "d<l13>", "COGNITO_DOMAIN": "<n>", "IOT_ENDPOINT": "a<l13>", "ACCELERATOR": "a<x16>",
    "LATTICE_DOMAIN": "<n>-0<x16>", "CODEARTIFACT_DOMAIN": "<n>", "SSO_PORTAL": "<n>", "EKS_ENDPOINT": "<X32>",
    "APPSYNC_API": "<l26>", "AIRFLOW_HOST": "<u>", "MEDIA_HOST": "<l16>", "EKS_OIDC": "<X32>",
    # names
    "S3_BUCKET": "<n>-<n>|<n>.<n>|<n>-<r>", "ECR_REPOSITORY": "<n>|<n>/<n>", "SQS_QUEUE": "<m>|<n>.fifo",
    "ARN_RESOURCE": "<m>", "PHYSICAL_ID": "<c>-<U13>|<n>-<c>-<U12>", "LOG_GROUP": "<n>|<n>/<n>",
    "SECRET_NAME": "<n>/<n>|<n>-<a6>|<s>", "LAMBDA_FUNCTION": "<m>", "LAMBDA_LAYER": "<n>|<s>",
    "DYNAMODB_TABLE": "<m>", "IAM_ROLE": "<n>|<c>-<n>", "IAM_USER": "<n>|<w>.<w>", "IAM_POLICY": "<n>|<c>-<n>",
    "S3_ACCESS_POINT": "<n>-<l30>-s3alias", "DATABASE_NAME": "<s>", "TASK_FAMILY": "<n>", "SSM_PARAMETER": "<n>/<n>|<w>/<n>/<s>",
    "INTERNAL_HOSTNAME": "<n>.<w>.internal|<w>-<w>.<w>.corp", "CODECOMMIT_USER": "<w>-at-<D12>",
    "STACK_NAME": "<n>", "SNS_TOPIC": "<n>|<s>", "ACCOUNT_ALIAS": "<n>",
    "LITERAL": "EC2_INSTANCE_<N3>|VPC_<N4>",
}
for _kind in ("RDS_NAME ELB_NAME DOCDB_NAME NEPTUNE_NAME REDSHIFT_NAME REDSHIFT_WORKGROUP ELASTICACHE_NAME "
              "MEMORYDB_NAME "
              "OPENSEARCH_DOMAIN DAX_CLUSTER KAFKA_CLUSTER BEANSTALK_CNAME IAM_PROFILE CLUSTER_NAME "
              "SERVICE_NAME "
              "NODE_GROUP STREAM_NAME PROJECT_NAME PIPELINE_NAME REPOSITORY_NAME LOAD_BALANCER TARGET_GROUP "
              "SCALING_GROUP STATE_MACHINE ALARM_NAME JOB_NAME DATABASE_SNAPSHOT EVENT_BUS EVENT_RULE "
              "WORKGROUP_NAME BACKUP_VAULT TRAIL_NAME MODEL_ENDPOINT MESH_NAME ENVIRONMENT_NAME").split():
    FORMATS[_kind] = "<n>"
for _length, _text in PREFIX.items():
    _words = _text.split()
    for _kind, _prefix in zip(_words[::2], _words[1::2]):
        FORMATS[_kind] = f"{_prefix}-<x17>|" * 3 + (f"{_prefix}-<x8>" if _length == 8 else f"{_prefix}-<x17>")


def uuid(d: Dice) -> str:
    return "-".join([d.chars(HEX, 8), d.chars(HEX, 4), "4" + d.chars(HEX, 3), d.pick("89ab") + d.chars(HEX, 3),
                     d.chars(HEX, 12)])


def account(d: Dice) -> str:
    return d.pick("123456789") + d.chars(DIGITS, 11)


def words(d: Dice) -> List[str]:
    found = [d.pick(WORDS), d.pick(ROLES)]
    if d.chance(0.5):
        found.append(d.pick(STAGES))
    return found if d.chance(0.8) else found[-1:] + found[:-1]


def kebab(d: Dice) -> str:
    return "-".join(w for w in [d.pick(WORDS)] + words(d))


def snake(d: Dice) -> str:
    return "_".join([d.pick(WORDS)] + words(d))


def camel(d: Dice) -> str:
    return "".join(w.capitalize() for w in [d.pick(WORDS), d.pick(ROLES), d.pick(WORDS)])


def mixed(d: Dice, alphabet: str, n: int) -> str:
    """With a letter and a digit in it, as nearly every random one of that length has."""
    while True:
        found = d.chars(alphabet, n)
        if re.search("[0-9]", found) and re.search("[A-Za-z]", found):
            return found


def password(d: Dice, n: int) -> str:
    return d.pick(LOWER) + mixed(d, CHARS["p"], n - 2) + d.pick(DIGITS)


WHOLE: Dict[str, Callable[[Dice], str]] = {
    "u": uuid, "n": kebab, "s": snake, "c": camel, "m": lambda d: d.pick([kebab, kebab, snake, camel])(d),
    "w": lambda d: d.pick(WORDS), "r": lambda d: d.pick(REGIONS), "i": lambda d: str(d.between(11, 254)),
    "D12": account,
}


def piece(d: Dice, spec: str) -> str:
    if spec in WHOLE:
        return WHOLE[spec](d)
    kind, n = spec[0], int(spec[1:])
    if kind == "p":
        return password(d, n)
    if kind == "N":
        return d.pick("6789") + d.chars(DIGITS, n - 1)
    if kind == "H":
        return d.pick("234567") + d.pick(LOWER.upper()) + d.chars(CHARS[kind], n - 2)
    if kind in "dxXK":
        return d.chars(CHARS[kind], n)
    if kind == "B":  # a "/" at an end would belong to a path
        return d.pick(CHARS["a"]) + mixed(d, CHARS[kind], n - 2) + d.pick(CHARS["a"])
    return mixed(d, CHARS[kind], n)


def spell(d: Dice, format_: str) -> str:
    return re.sub("<([^>]+)>", lambda m: piece(d, m.group(1)), d.pick(format_.split("|")))


def make(d: Dice, kind: str) -> str:
    """A value of a type of the catalogue."""
    return spell(d, FORMATS[kind])
