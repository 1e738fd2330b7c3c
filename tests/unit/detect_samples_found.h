/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_DETECT_SAMPLES_FOUND_H
#define TESTS_DETECT_SAMPLES_FOUND_H
/* Keys and values in the notations of many tools, and places that give a value away. All made up. */
#include "../../user/mask/detect.h"

static const char *const found_places[] = {
	"variable \"account_id\" {\n  type    = string\n  default = "
	"\"<<AWS_ACCOUNT:482910573641>>\"\n}",
	"{\"account_id\": {\"sensitive\": false, \"type\": \"string\", \"value\": "
	"\"<<AWS_ACCOUNT:482910573641>>\"}}",
	"ParameterKey=AccountId,ParameterValue=<<AWS_ACCOUNT:482910573641>>",
	"- name: AWS_ACCOUNT_ID\n  value: \"<<AWS_ACCOUNT:482910573641>>\"",
	"AccountId: aws.String(\"<<AWS_ACCOUNT:482910573641>>\"),",
	"account_id: Some(\"<<AWS_ACCOUNT:482910573641>>\")",
	"&lt;AccountId&gt;<<AWS_ACCOUNT:482910573641>>&lt;",
	"<add key=\"AccountId\" value=\"<<AWS_ACCOUNT:482910573641>>\"/>",
	"ACCOUNT_ID_PROD=<<AWS_ACCOUNT:482910573641>>",
	"  AccountId:\n    Description: Where it runs\n    Type: String\n    Default: "
	"'<<AWS_ACCOUNT:482910573641>>'",
	"expect(cfg.accountId).toBe(\"<<AWS_ACCOUNT:482910573641>>\")",
	"account_map = {\n  dev  = \"<<AWS_ACCOUNT:482910573641>>\"\n  prod = "
	"\"<<AWS_ACCOUNT:193847562018>>\"\n}",
	"Das Konto <<AWS_ACCOUNT:482910573641>> ist voll",
	"le compte AWS <<AWS_ACCOUNT:482910573641>> ;",
	"who has access to the <<AWS_ACCOUNT:482910573641>> account",
	"|  <<AWS_ACCOUNT:482910573641>> |  Audit  |  ACTIVE  |",
	"Id: '<<AWS_ACCOUNT:482910573641>>'",
	"\"Id\": \"<<AWS_ACCOUNT:482910573641>>\", \"Email\": \"a@example.org\"",
	"ami_users = [\"<<AWS_ACCOUNT:482910573641>>\", \"<<AWS_ACCOUNT:193847562018>>\"]",
	"Principal: {AWS: [\"arn:aws:iam::<<AWS_ACCOUNT:193847562018>>:root\", "
	"'<<AWS_ACCOUNT:482910573641>>']}",
	"  ArtifactBucket:\n    Type: String\n    Default: <<S3_BUCKET:corvid-artifacts>>",
	"\"ParameterKey\": \"LogBucket\",\n    \"ParameterValue\": \"<<S3_BUCKET:corvid-logs-7>>\"",
	".bucket(\"<<S3_BUCKET:corvid-ledger>>\")",
	"Bucket: aws.String(\"<<S3_BUCKET:corvid-ledger>>\"),",
	"{\"Key\": \"BucketName\", \"Value\": \"<<S3_BUCKET:corvid-ledger>>\"}",
	"<BucketName><<S3_BUCKET:corvid-ledger>></BucketName>",
	"os.environ.get(\"DATA_BUCKET\", \"<<S3_BUCKET:corvid-ledger>>\")",
	"| S3 bucket | `<<S3_BUCKET:corvid-ledger>>` |",
	"s3.Bucket(name='<<S3_BUCKET:corvid-ledger>>')",
	"<ListBucketResult xmlns=\"u\"><Name><<S3_BUCKET:corvid-ledger>></Name>",
	"upload_file(path, \"<<S3_BUCKET:corvid-exports>>\", key)",
	"Bucket.fromBucketName(this, 'Data', '<<S3_BUCKET:corvid-raw>>')",
	"https://s3.us-west-2.amazonaws.com:443 \"GET /<<S3_BUCKET:corvid-cold>>",
	"The specified bucket does not exist: <<S3_BUCKET:corvid-old>>",
	"\"auth\": \"<<AUTH_TOKEN:QVdTOmV5SndZWGxzYjJGa0lqb2k=>>\"",
	"client-id = <<COGNITO_CLIENT:3k9x7q1z5v8m2n4b6c0d1f3g5h>>",
	"/clients/<<COGNITO_CLIENT:3k9x7q1z5v8m2n4b6c0d1f3g5h>>",
	"rest_api_id = \"<<API_GATEWAY:q7w8e9r0t1>>\"",
	"/restapis/<<API_GATEWAY:q7w8e9r0t1>>",
	"GraphqlApiId: <<APPSYNC_API:ab2defgh3jklmn4pqrst5vwxyz>>",
	"guardrailId: <<AGENT_ID:gr7x2lm9pq4z>>",
	"KnowledgeBaseId=<<AGENT_ID:KB7X2LM9PQ>>",
	"certificateId: <<CERTIFICATE_ID:7c1e90ab-52d4-4f3a-9be8-0a6d1c24f7e3>>",
	"cert_id: <<CERTIFICATE_ID:7c1e90ab-52d4-4f3a-9be8-0a6d1c24f7e3>>",
	"ACM_CERTIFICATE=<<CERTIFICATE_ID:7c1e90ab-52d4-4f3a-9be8-0a6d1c24f7e3>>",
	"KmsKeyId: &key <<KMS_KEY:7c1e90ab-52d4-4f3a-9be8-0a6d1c24f7e3>>",
	"CMK | <<KMS_KEY:7c1e90ab-52d4-4f3a-9be8-0a6d1c24f7e3>>",
	"/v4/<<ECS_TASK:0a1b2c3d4e5f60718293a4b5c6d7e8f9>>-1234567890",
	"Starting session with SessionId: <<RUN_ID:dana-0a9b8c7d6e5f4a3b2>>",
	"--ids <<CODE_BUILD:corvid-build:7c1e90ab-52d4-4f3a-9be8-0a6d1c24f7e3>>",
	"cdn_id: <<CLOUDFRONT_ID:E1A2B3C4D5E6FG>>",
	"https://<<ACCOUNT_ALIAS:corvid-labs>>.signin.aws.",
	"parameter_name = \"/<<SSM_PARAMETER:corvid/prod/dsn>>\"",
	"get_parameter(Name=\"/<<SSM_PARAMETER:corvid/prod/dsn>>\", WithDecryption=True)",
	"get-parameter --name /<<SSM_PARAMETER:corvid/prod/dsn>>",
	"resolve:ssm:/<<SSM_PARAMETER:corvid/prod/dsn>>:3}}",
	"resource \"aws_ssm_parameter\" \"x\" {\n  type = \"String\"\n  name = "
	"\"/<<SSM_PARAMETER:corvid/dsn>>\"\n}",
	"valueFrom: /<<SSM_PARAMETER:corvid/prod/token>>",
	"resolve:secretsmanager:<<SECRET_NAME:corvid/api>>:SecretString:token}}",
	"Secret.fromSecretNameV2(this, 'Db', '<<SECRET_NAME:corvid/prod/db>>')",
	"data \"aws_secretsmanager_secret\" \"db\" {\n  name = "
	"\"<<SECRET_NAME:corvid/prod/db>>\"\n}",
	"resource \"aws_cloudwatch_log_group\" \"app\" {\n  name = "
	"\"/<<LOG_GROUP:corvid/app>>\"\n}",
	"awslogs-group: \"/<<LOG_GROUP:corvid/app>>\"",
	"\"Buckets\": [\"<<S3_BUCKET:corvid-a>>\", \"<<S3_BUCKET:corvid-b>>\"]",
	"deploymentBucket:\n    name: <<S3_BUCKET:corvid-deploys>>",
	"acct `<<AWS_ACCOUNT:482910573641>>`",
	"\"Name\": \"/<<SSM_PARAMETER:corvid/dsn>>\", \"Type\": \"String\"",
	"objectName: \"<<SECRET_NAME:corvid/csi>>\"",
	"extract: {key: <<SECRET_NAME:corvid/prod/all>>}",
	"Root (<<ORG_ROOT:r-q7w8>>)",
	"\"value\": \"<<API_KEY:q8W2e4R6t8Y0u2I4o6P8a0S2d4F6g8H0j2K4l6Z8>>\", \"stageKeys\": []",
	"\"id\": \"<<API_GATEWAY:w9x8y7z6a5>>\", \"endpointConfiguration\": {}",
};

/* Whose end is the line's or the word's: not everything may stand behind them. */
static const char *const found_alone[] = {
	"id,account,name\n1,<<AWS_ACCOUNT:482910573641>>,a\n2,<<AWS_ACCOUNT:193847562018>>,b\n",
	"| Env | AWS account |\n|---|---|\n| dev | <<AWS_ACCOUNT:482910573641>> |\n| prod | "
	"<<AWS_ACCOUNT:193847562018>> |\n",
	"2024-03-30 23:59:01 <<S3_BUCKET:corvid-web-1>>\n2024-03-30 23:59:02 "
	"<<S3_BUCKET:corvid.example.net>>\n",
	"\"Name\": \"<<S3_BUCKET:corvid-web>>\",\n  \"CreationDate\": "
	"\"2024-03-30T23:59:01+00:00\"",
	"- CreationDate: '2024-03-30T23:59:01+00:00'\n  Name: <<S3_BUCKET:corvid-web>>",
	"BUCKETS\t2024-03-30T23:59:01+00:00\t<<S3_BUCKET:corvid-web>>\n",
	"password for the database is <<PASSWORD:kR7vTq92LmX>>",
	"das Passwort lautet <<PASSWORD:kR7vTq92LmX>>",
	"  DBPassword:\n    NoEcho: true\n    Type: String\n    Default: <<PASSWORD:kR7vTq92LmX>>",
	"DB_PASS=<<PASSWORD:kR7vTq92LmX>>",
	"smtpPwd: \"<<PASSWORD:kR7vTq92LmX>>\"",
	"?user=a&password=<<PASSWORD:kR7vTq92LmX>>&ssl=1",
	"- name: DB_PASSWORD\n  value: <<PASSWORD:kR7vTq92LmX>>",
	"mysql -h db -u root -p<<PASSWORD:kR7vTq92LmX>>",
	"IDENTIFIED BY '<<PASSWORD:kR7vTq92LmX>>'",
	"redis-cli -h cache -a <<PASSWORD:kR7vTq92LmX>>",
	"/<<CLOUDFRONT_ID:E1A2B3C4D5E6FG>>.2024-05-14-10.0a1b2c3d.gz",
	"2024-05-14T10:11:12.131415Z <<ELB_NAME:corvid-classic>> 198.51.100.7:2817 203.0.113.4:80",
	"buckets:\n  - <<S3_BUCKET:corvid-a>>\n  - <<S3_BUCKET:corvid-b>>\n",
	"id,bucket\n1,<<S3_BUCKET:corvid-a>>\n2,<<S3_BUCKET:corvid-b>>\n",
	"{ Name: '<<S3_BUCKET:corvid-node>>', CreationDate: 2023-01-02T03:04:05.000Z }",
	"\"Type\": \"SecureString\", \"Value\": \"<<PASSWORD:kR7vTq92LmX>>\"",
	"getenv(\"DB_PW\", \"<<PASSWORD:kR7vTq92LmX>>\")",
	"pre-shared-secret '<<SHARED_KEY:Kq29.LmXv7Rz8>>'",
};

/* Like them, and yet nobody's. */
static const struct {
	enum mask_type type;
	const char *texts[3];
} missed_places[] = {
	{TYPE_AWS_ACCOUNT,
	 {"account rows: 549755813888 bytes", "549755813888 bytes on account of it",
	  "\"Id\": \"482910573641\", \"Name\": 1"}},
	{TYPE_S3_BUCKET,
	 {"a token-bucket shaping.", "[\"bucket\": \"key\"]", "2024-03-30 23:59:01 started"}},
	{TYPE_S3_BUCKET,
	 {"const bucket = new Map();", "bucket: {{ .Values.bucketName | quote }}",
	  "bucket = var.bucket-name"}},
	{TYPE_S3_BUCKET,
	 {"Object(\"m.pkl\")", "resource \"aws_s3_bucket\" \"web-1\" {", "bucket=${BUCKET:-x-1}"}},
	{TYPE_PASSWORD,
	 {"password !== confirmPassword2", "password: {{ .Values.pass1 | b64enc }}",
	  "PWD=/home/app-2 OLDPWD=/var/log/app-2"}},
	{TYPE_PASSWORD,
	 {"bypass=abc123", "mysql -u root -p app", "password must be at least 8 characters"}},
	{TYPE_CERTIFICATE_ID,
	 {"certificate 7c1e90ab", "certificate_id = var.id",
	  "cert-manager 7c1e90ab-52d4-4f3a-9be8"}},
	{TYPE_SSM_PARAMETER,
	 {"parameter_name = \"max_tokens\"", "parameters={}", "parameter path: /aws/service/eks"}},
	{TYPE_API_GATEWAY, {"api-7d9f8b6c5d-x2x9q", "api: q7w8e9r0t1", "apiVersion: v1beta1000"}},
	{TYPE_LOG_GROUP,
	 {"log_group = build_log_group(service)",
	  "resource \"aws_cloudwatch_log_group\" \"flow-log\" {", "the log group retention"}},
	{TYPE_IAM_USER,
	 {"the user name is case-insensitive", "findByUserName(UserService.java:42)",
	  "user_name = model._meta.table"}},
	{TYPE_RUN_ID,
	 {"session 7c1e90ab-52d4-4f3a-9be8-0a6d1c24f7e3", "session-token",
	  "jobs 7c1e90ab-52d4-4f3a-9be8-0a6d1c24f7e3"}},
	{TYPE_ELB_NAME,
	 {"Z corvid 1", "10:11:12Z done 198.51.100.7 ok",
	  "2024-05-14T10:11:12Z GET 198.51.100.7:80"}},
};

#endif
