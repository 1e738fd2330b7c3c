# SPDX-License-Identifier: Apache-2.0
"""What documents say: a key and what stands for it, `{TYPE}` being a fresh value of that type.

  service   whose command or resource it is
  keys      words of the key, alternatives separated by "/"; each genre spells them its own way
  template  the value, maybe within something larger
  alone     whether the template gives its values away without the key
"""
from dataclasses import dataclass
from typing import Dict, List, Tuple

import ids

HOST = "amazonaws.com"


@dataclass(frozen=True)
class Fact:
    service: str
    keys: Tuple[str, ...]
    template: str
    alone: bool

    def types(self) -> List[str]:
        return [name for name in ids.FORMATS if "{" + name + "}" in self.template]


def _table(alone: bool, text: str) -> List[Fact]:
    facts = []
    for line in text.strip().splitlines():
        service, keys, template = (part.strip() for part in line.split("|", 2))
        facts.append(Fact(service, tuple(keys.split("/")), template, alone))
    return facts


# A prefixed id needs no more than its key: the type's name says which.
PREFIXED = {
    "ec2": """EC2_INSTANCE EC2_IMAGE EBS_VOLUME EBS_SNAPSHOT LAUNCH_TEMPLATE ENI_ATTACHMENT EC2_RESERVATION KEY_PAIR
        SPOT_REQUEST SPOT_FLEET EC2_FLEET CAPACITY_RESERVATION CAPACITY_FLEET DEDICATED_HOST HOST_RESERVATION
        PROFILE_ASSOC PLACEMENT_GROUP FPGA_IMAGE EVENT_WINDOW INSTANCE_EVENT ROOT_VOLUME_TASK COPY_JOB OUTPOST
        IMPORT_IMAGE_TASK IMPORT_SNAPSHOT_TASK IMPORT_INSTANCE_TASK IMPORT_VOLUME_TASK EXPORT_IMAGE_TASK
        EXPORT_INSTANCE_TASK""",
    "vpc": """VPC SUBNET SECURITY_GROUP SECURITY_GROUP_RULE NETWORK_INTERFACE ROUTE_TABLE ROUTE_TABLE_ASSOC
        INTERNET_GATEWAY EGRESS_GATEWAY NAT_GATEWAY ELASTIC_IP ELASTIC_IP_ASSOC NETWORK_ACL NETWORK_ACL_ASSOC
        VPC_ENDPOINT VPC_ENDPOINT_SERVICE ENDPOINT_NOTIFICATION VPC_PEERING VPC_CIDR_ASSOC SUBNET_CIDR_BLOCK
        DHCP_OPTIONS PREFIX_LIST FLOW_LOG LOCAL_GATEWAY LOCAL_GATEWAY_ROUTES CARRIER_GATEWAY INSTANCE_CONNECT
        TRAFFIC_MIRROR_TARGET TRAFFIC_MIRROR_FILTER TRAFFIC_MIRROR_SESSION INSIGHTS_PATH INSIGHTS_ANALYSIS
        INSIGHTS_SCOPE INSIGHTS_SCOPE_ANALYSIS VERIFIED_ACCESS""",
    "ipam": """IPAM IPAM_POOL IPAM_SCOPE IPAM_ALLOCATION IPAM_DISCOVERY IPAM_DISCOVERY_ASSOC BYOIP_POOL
        CUSTOMER_IP_POOL COIP_POOL""",
    "network": """TRANSIT_GATEWAY TRANSIT_ATTACHMENT TRANSIT_ROUTES TRANSIT_CONNECT_PEER TRANSIT_MULTICAST CLIENT_VPN
        CLIENT_VPN_ASSOC VPN_GATEWAY VPN_CONNECTION CUSTOMER_GATEWAY CORE_NETWORK GLOBAL_NETWORK NETWORK_DEVICE
        NETWORK_SITE NETWORK_LINK NETWORK_ATTACHMENT NETWORK_CONNECT_PEER NETWORK_PEERING LATTICE_SERVICE
        LATTICE_NETWORK LATTICE_TARGETS DX_CONNECTION DX_INTERFACE DX_LAG ROUTE53_RESOLVER""",
    "storage": """EFS_FILE_SYSTEM EFS_ACCESS_POINT EFS_MOUNT_TARGET FSX_VOLUME FSX_SVM FSX_BACKUP FSX_REPOSITORY_ASSOC
        DATASYNC_TASK DATASYNC_LOCATION DATASYNC_AGENT TRANSFER_SERVER STORAGE_GATEWAY STORAGE_SHARE""",
    "ssm": "MANAGED_INSTANCE MAINTENANCE_WINDOW PATCH_BASELINE OPS_ITEM",
    "rds": """RDS_RESOURCE RDS_CLUSTER_RESOURCE RDS_ENDPOINT_RESOURCE RDS_PROXY_RESOURCE BLUE_GREEN_DEPLOYMENT""",
    "organizations": "ORGANIZATION ORG_UNIT ACCOUNT_REQUEST SSO_INSTANCE SSO_PERMISSION_SET SSO_APPLICATION DIRECTORY",
    "emr": "EMR_CLUSTER EMR_STEP EMR_GROUP EMR_FLEET GLUE_RUN",
    "deploy": """CODE_DEPLOYMENT BEANSTALK_ENV CATALOG_PRODUCT CATALOG_PORTFOLIO CATALOG_ARTIFACT CATALOG_PROVISIONED
        CLOUDMAP_NAMESPACE CLOUDMAP_SERVICE CONFIG_RULE LIGHTSAIL_RESOURCE""",
    "workspaces": """DESKTOP DESKTOP_BUNDLE WORKMAIL_ORG STUDIO_DOMAIN PROMETHEUS_WORKSPACE GRAFANA_WORKSPACE""",
    "cognito": "COGNITO_USER_POOL COGNITO_IDENTITY_POOL",
    "kms": "KMS_MULTI_REGION KMS_KEY_STORE HSM_CLUSTER",
    "mq": "MQ_BROKER",
    "iam": "IAM_UNIQUE_ID ACCESS_KEY_ID",
    "secrets": "APPSYNC_KEY BEDROCK_KEY SESSION_TOKEN KMS_CIPHERTEXT",
    "misc": "LITERAL",
}


def _prefixed() -> List[Fact]:
    facts = []
    for service, names in PREFIXED.items():
        for name in names.split():
            words = name.lower().replace("_", " ")
            facts.append(Fact(service, (words + ("" if words.endswith((" id", "key", "token")) else " id"), words),
                              "{" + name + "}", True))
    return facts


ALONE = _table(True, r"""
ec2 | private ip address/private ip | {PRIVATE_IPV4}
ec2 | cidr block/source cidr | {PRIVATE_IPV4}/{mask}
ec2 | private dns name/node name | {EC2_HOSTNAME}.{region}.compute.internal
ec2 | private dns name/hostname | {EC2_HOSTNAME}.ec2.internal
ec2 | public dns name | {PUBLIC_HOSTNAME}.{region}.compute.amazonaws.com
vpc | dns name/endpoint dns | {ENDPOINT_HOSTNAME}.s3.{region}.vpce.amazonaws.com
vpc | ipv6 address/ipv6 | {IPV6_ADDRESS}
vpc | ipv6 cidr block/ula | {PRIVATE_IPV6}
ec2 | instance arn | arn:aws:ec2:{region}:{AWS_ACCOUNT}:instance/{EC2_INSTANCE}
vpc | vpc arn | arn:aws:ec2:{region}:{AWS_ACCOUNT}:vpc/{VPC}
s3 | location/uri | s3://{S3_BUCKET}/{path}
s3 | bucket arn/resource | arn:aws:s3:::{S3_BUCKET}
s3 | resource | arn:aws:s3:::{S3_BUCKET}/*
s3 | url | https://{S3_BUCKET}.s3.{region}.amazonaws.com/{path}
s3 | url | https://s3.{region}.amazonaws.com/{S3_BUCKET}/{path}
s3 | endpoint | {S3_BUCKET}.s3-website-{region}.amazonaws.com
s3 | presigned url | https://{S3_BUCKET}.s3.{region}.amazonaws.com/{path}?X-Amz-Credential={ACCESS_KEY_ID}&X-Amz-Signature={REQUEST_SIGNATURE}
iam | role arn/execution role arn | arn:aws:iam::{AWS_ACCOUNT}:role/{ARN_RESOURCE}
iam | user arn/principal | arn:aws:iam::{AWS_ACCOUNT}:user/{ARN_RESOURCE}
iam | policy arn | arn:aws:iam::{AWS_ACCOUNT}:policy/{ARN_RESOURCE}
iam | principal/trusted account | arn:aws:iam::{AWS_ACCOUNT}:root
iam | assumed role/caller | arn:aws:sts::{AWS_ACCOUNT}:assumed-role/{ARN_RESOURCE}/{EC2_INSTANCE}
iam | oidc provider arn | arn:aws:iam::{AWS_ACCOUNT}:oidc-provider/oidc.eks.{region}.amazonaws.com/id/{EKS_OIDC}
iam | mfa serial | arn:aws:iam::{AWS_ACCOUNT}:mfa/{ARN_RESOURCE}
iam | console/sign in url | https://{AWS_ACCOUNT}.signin.aws.amazon.com/console
lambda | function arn | arn:aws:lambda:{region}:{AWS_ACCOUNT}:function:{ARN_RESOURCE}
lambda | layer arn | arn:aws:lambda:{region}:{AWS_ACCOUNT}:layer:{ARN_RESOURCE}:{digit}
lambda | function url | https://{LAMBDA_URL}.lambda-url.{region}.on.aws/
lambda | log group name | /aws/lambda/{LOG_GROUP}
rds | endpoint/db host | {RDS_NAME}.{RDS_HASH}.{region}.rds.amazonaws.com
rds | reader endpoint | {RDS_NAME}.cluster-ro-{RDS_HASH}.{region}.rds.amazonaws.com
rds | db arn | arn:aws:rds:{region}:{AWS_ACCOUNT}:db:{ARN_RESOURCE}
rds | endpoint | {DOCDB_NAME}.cluster-{DOCDB_HASH}.{region}.docdb.amazonaws.com
rds | endpoint | {NEPTUNE_NAME}.cluster-{NEPTUNE_HASH}.{region}.neptune.amazonaws.com
redshift | endpoint/host | {REDSHIFT_NAME}.{REDSHIFT_HASH}.{region}.redshift.amazonaws.com
redshift | workgroup endpoint | {REDSHIFT_WORKGROUP}.{AWS_ACCOUNT}.{region}.redshift-serverless.amazonaws.com
cache | primary endpoint/redis host | {ELASTICACHE_NAME}.{ELASTICACHE_HASH}.ng.0001.{short}.cache.amazonaws.com
cache | configuration endpoint | clustercfg.{ELASTICACHE_NAME}.{ELASTICACHE_HASH}.{short}.cache.amazonaws.com
cache | cluster endpoint | clustercfg.{MEMORYDB_NAME}.{MEMORYDB_HASH}.memorydb.{region}.amazonaws.com
search | domain endpoint | search-{OPENSEARCH_DOMAIN}-{OPENSEARCH_HASH}.{region}.es.amazonaws.com
search | domain endpoint | vpc-{OPENSEARCH_DOMAIN}-{OPENSEARCH_HASH}.{region}.es.amazonaws.com
search | collection endpoint | https://{SERVERLESS_SEARCH}.{region}.aoss.amazonaws.com
dynamodb | dax endpoint | {DAX_CLUSTER}.{DAX_HASH}.dax-clusters.{region}.amazonaws.com
dynamodb | table arn | arn:aws:dynamodb:{region}:{AWS_ACCOUNT}:table/{ARN_RESOURCE}
msk | bootstrap brokers/broker | b-{digit}.{KAFKA_CLUSTER}.{KAFKA_HASH}.c2.kafka.{region}.amazonaws.com:9098
elb | dns name/load balancer dns | {ELB_NAME}-{ELB_HASH}.elb.{region}.amazonaws.com
elb | load balancer arn | arn:aws:elasticloadbalancing:{region}:{AWS_ACCOUNT}:loadbalancer/app/{ELB_NAME}/{ELB_HASH}
elb | target group arn | arn:aws:elasticloadbalancing:{region}:{AWS_ACCOUNT}:targetgroup/{ELB_NAME}/{ELB_HASH}
cloudfront | domain name/cdn | {CLOUDFRONT_DOMAIN}.cloudfront.net
cloudfront | distribution arn | arn:aws:cloudfront::{AWS_ACCOUNT}:distribution/{CLOUDFRONT_ID}
apigateway | invoke url | https://{API_GATEWAY}.execute-api.{region}.amazonaws.com/prod
apigateway | regional domain name | {API_DOMAIN}.execute-api.{region}.amazonaws.com
apprunner | service url | {APPRUNNER_DOMAIN}.{region}.awsapprunner.com
amplify | default domain | main.{AMPLIFY_APP}.amplifyapp.com
beanstalk | cname | {BEANSTALK_CNAME}.{region}.elasticbeanstalk.com
cognito | hosted ui | https://{COGNITO_DOMAIN}.auth.{region}.amazoncognito.com/login
iot | endpoint address | {IOT_ENDPOINT}-ats.iot.{region}.amazonaws.com
network | accelerator dns name | {ACCELERATOR}.awsglobalaccelerator.com
network | service dns | {LATTICE_DOMAIN}.7d67968.vpc-lattice-svcs.{region}.on.aws
codeartifact | registry/repository endpoint | https://{CODEARTIFACT_DOMAIN}-{AWS_ACCOUNT}.d.codeartifact.{region}.amazonaws.com/npm/main/
sso | start url/sso start url | https://{SSO_PORTAL}.awsapps.com/start
eks | cluster endpoint/server | https://{EKS_ENDPOINT}.gr7.{region}.eks.amazonaws.com
eks | oidc issuer | https://oidc.eks.{region}.amazonaws.com/id/{EKS_OIDC}
eks | cluster arn | arn:aws:eks:{region}:{AWS_ACCOUNT}:cluster/{ARN_RESOURCE}
appsync | graphql url | https://{APPSYNC_API}.appsync-api.{region}.amazonaws.com/graphql
airflow | webserver url | {AIRFLOW_HOST}.c{digit}.{region}.airflow.amazonaws.com
media | ingest url | https://{MEDIA_HOST}.mediapackage.{region}.amazonaws.com/in/v2
ecr | image/image uri | {AWS_ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{ECR_REPOSITORY}:{version}
ecr | repository arn | arn:aws:ecr:{region}:{AWS_ACCOUNT}:repository/{ECR_REPOSITORY}
sqs | queue url | https://sqs.{region}.amazonaws.com/{AWS_ACCOUNT}/{SQS_QUEUE}
sqs | queue arn | arn:aws:sqs:{region}:{AWS_ACCOUNT}:{SQS_QUEUE}
sns | topic arn | arn:aws:sns:{region}:{AWS_ACCOUNT}:{ARN_RESOURCE}
ecs | task arn | arn:aws:ecs:{region}:{AWS_ACCOUNT}:task/{ARN_RESOURCE}/{ECS_TASK}
ecs | service arn | arn:aws:ecs:{region}:{AWS_ACCOUNT}:service/{ARN_RESOURCE}/{ARN_RESOURCE}
kms | key arn/kms key arn | arn:aws:kms:{region}:{AWS_ACCOUNT}:key/{KMS_KEY}
kms | kms key id/alias name | alias/{KMS_ALIAS}
secrets | secret arn | arn:aws:secretsmanager:{region}:{AWS_ACCOUNT}:secret:{ARN_RESOURCE}
acm | certificate arn | arn:aws:acm:{region}:{AWS_ACCOUNT}:certificate/{KMS_KEY}
route53 | hosted zone arn | arn:aws:route53:::hostedzone/{ROUTE53_ZONE}
route53 | hosted zone | /hostedzone/{ROUTE53_ZONE}
states | state machine arn | arn:aws:states:{region}:{AWS_ACCOUNT}:stateMachine:{ARN_RESOURCE}
events | rule arn | arn:aws:events:{region}:{AWS_ACCOUNT}:rule/{ARN_RESOURCE}
logs | log group arn | arn:aws:logs:{region}:{AWS_ACCOUNT}:log-group:/aws/codebuild/{LOG_GROUP}:*
wafv2 | web acl arn | arn:aws:wafv2:{region}:{AWS_ACCOUNT}:regional/webacl/{ARN_RESOURCE}/{WEB_ACL}
guardduty | detector arn | arn:aws:guardduty:{region}:{AWS_ACCOUNT}:detector/{GUARDDUTY_ID}
organizations | ou arn | arn:aws:organizations::{AWS_ACCOUNT}:ou/{ORGANIZATION}/{ORG_UNIT}
organizations | policy arn | arn:aws:organizations::{AWS_ACCOUNT}:policy/{ORGANIZATION}/service_control_policy/{ORG_POLICY}
organizations | root arn | arn:aws:organizations::{AWS_ACCOUNT}:root/{ORGANIZATION}/{ORG_ROOT}
organizations | handshake arn | arn:aws:organizations::{AWS_ACCOUNT}:handshake/{ORGANIZATION}/invite/{ORG_HANDSHAKE}
cloudformation | stack id/stack arn | arn:aws:cloudformation:{region}:{AWS_ACCOUNT}:stack/{ARN_RESOURCE}/{uuid}
acm | validation record | _{VALIDATION_RECORD}.mhbtsbpdnt.acm-validations.aws
codecommit | git user | {CODECOMMIT_USER}
s3 | access point alias | {S3_ACCESS_POINT}
route53 | internal url/base url | https://{INTERNAL_HOSTNAME}/health
backup | backup vault arn | arn:aws:backup:{region}:{AWS_ACCOUNT}:backup-vault:{ARN_RESOURCE}
rds | connection string/database url | postgres://{user}:{PASSWORD}@{RDS_NAME}.{RDS_HASH}.{region}.rds.amazonaws.com:5432/app
rds | database url | mysql://{user}:{PASSWORD}@{PRIVATE_IPV4}:3306/app
""")

BESIDE = _table(False, r"""
account | account id/account/owner account id | {AWS_ACCOUNT}
account | owner id/account number | {AWS_ACCOUNT}
iam | account alias | {ACCOUNT_ALIAS}
s3 | bucket/bucket name | {S3_BUCKET}
s3 | canonical user id | {CANONICAL_USER}
secrets | aws secret access key/secret access key | {SECRET_ACCESS_KEY}
secrets | password/db password/master user password | {PASSWORD}
secrets | external id | {EXTERNAL_ID}
secrets | pre shared key/auth key | {SHARED_KEY}
secrets | api key | {API_KEY}
secrets | client secret | {CLIENT_SECRET}
secrets | auth token/access token/authorization token | {AUTH_TOKEN}
secrets | session token/aws session token | {SESSION_TOKEN}
kms | kms key id/key id/target key id | {KMS_KEY}
kms | grant id | {KMS_GRANT}
route53 | hosted zone id/zone id | {ROUTE53_ZONE}
route53 | health check id | {ROUTE53_HEALTH}
cloudfront | distribution id/cloudfront distribution id | {CLOUDFRONT_ID}
cloudfront | key pair id/public key id | {CLOUDFRONT_KEY}
cloudfront | origin access identity | origin-access-identity/cloudfront/{CLOUDFRONT_ID}
cognito | client id/app client id | {COGNITO_CLIENT}
cognito | user pool client id | {COGNITO_CLIENT}
organizations | root id/parent id | {ORG_ROOT}
organizations | policy id | {ORG_POLICY}
organizations | handshake id | {ORG_HANDSHAKE}
wafv2 | web acl id | {WEB_ACL}
wafv2 | rule group id | {WEB_ACL}
guardduty | detector id | {GUARDDUTY_ID}
ecs | task id | {ECS_TASK}
ssm | command id | {RUN_ID}
athena | query execution id/execution id | {RUN_ID}
batch | job id | {RUN_ID}
backup | backup plan id | {RUN_ID}
identity | user id/identity user id | {IDENTITY_USER}
identity | group id | {IDENTITY_USER}
bedrock | agent id | {AGENT_ID}
bedrock | knowledge base id | {AGENT_ID}
pinpoint | application id/app id | {PINPOINT_APP}
cloudformation | physical resource id | {PHYSICAL_ID}
cloudformation | stack name | {STACK_NAME}
lambda | function name | {LAMBDA_FUNCTION}
lambda | layer name | {LAMBDA_LAYER}
logs | log group name/log group | /aws/ecs/{LOG_GROUP}
logs | log group name | {LOG_GROUP}
secrets | secret id/secret name | {SECRET_NAME}
dynamodb | table name | {DYNAMODB_TABLE}
iam | role name/execution role name | {IAM_ROLE}
iam | user name/iam user name | {IAM_USER}
iam | policy name | {IAM_POLICY}
iam | instance profile name | {IAM_PROFILE}
ecs | cluster name | {CLUSTER_NAME}
rds | db cluster identifier | {CLUSTER_NAME}
eks | nodegroup name/node group name | {NODE_GROUP}
sns | topic name | {SNS_TOPIC}
kinesis | stream name/delivery stream name | {STREAM_NAME}
codebuild | project name | {PROJECT_NAME}
codepipeline | pipeline name | {PIPELINE_NAME}
codecommit | repository name | {REPOSITORY_NAME}
elb | load balancer name | {LOAD_BALANCER}
elb | target group name | {TARGET_GROUP}
autoscaling | auto scaling group name | {SCALING_GROUP}
states | state machine name | {STATE_MACHINE}
cloudwatch | alarm name | {ALARM_NAME}
glue | job name | {JOB_NAME}
rds | db instance identifier | {RDS_NAME}
appconfig | configuration profile id/environment id | {APPCONFIG_ID}
ssm | parameter name/ssm parameter name | /{SSM_PARAMETER}
acm | acm certificate id/certificate id | {CERTIFICATE_ID}
secrets | ses smtp password/smtp password | {PASSWORD}
events | event bus name | {EVENT_BUS}
events | event rule name | {EVENT_RULE}
athena | workgroup name/work group name | {WORKGROUP_NAME}
glue | database name/glue database name | {DATABASE_NAME}
backup | backup vault name | {BACKUP_VAULT}
cloudtrail | trail name/cloudtrail trail name | {TRAIL_NAME}
ecs | task definition | {TASK_FAMILY}:{digit}
sagemaker | endpoint name | {MODEL_ENDPOINT}
appmesh | mesh name/virtual node name | {MESH_NAME}
beanstalk | environment name | {ENVIRONMENT_NAME}
rds | db snapshot identifier | {DATABASE_SNAPSHOT}
""")

FACTS: List[Fact] = _prefixed() + ALONE + BESIDE


def by_type(facts: List[Fact]) -> Dict[str, List[Fact]]:
    index: Dict[str, List[Fact]] = {}
    for fact in facts:
        for name in fact.types():
            index.setdefault(name, []).append(fact)
    return index
