# SPDX-License-Identifier: Apache-2.0
"""Fill reports' files for the page, always the same ones: report_files.py AWSMASK-MADE-FILE HOST SEED DAYS [hostile]

The file is one that awsmask made, and is empty."""
import random, sqlite3, sys

TYPES = ("EC2_INSTANCE S3_BUCKET AWS_ACCOUNT ARN_RESOURCE VPC SUBNET SECURITY_GROUP PRIVATE_IPV4 ACCESS_KEY_ID IAM_ROLE "
         "LAMBDA_FUNCTION KMS_KEY").split()
CGROUPS = ("/user.slice/user-1000.slice /user.slice/user-1001.slice /ci.slice/runner.service /teams.slice/teams-pay.slice "
           "/teams.slice/teams-search.slice /system.slice/docker-3f2a91.scope /batch.slice/i-0d1c2b3a495867768").split()
REASONS = "not-json blocked body-too-large binary content-encoding origin-unreachable".split()
HOSTILE = ["</title><script>alert(1)</script>", "\"'><img src=http://127.0.0.1:9/x onerror=alert(2)>",
           "]]><svg onload=alert(3)>&lt;&#x26;", "\u202egnp.exe\u200b\x1b[31m", "x" * 3000]
LAST = 20778  # 2026-11-21

path, host, seed, days = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
hostile = HOSTILE if sys.argv[5:] else []
rng = random.Random(seed)
db = sqlite3.connect(path)
db.execute("UPDATE about SET value = ? WHERE name = 'host'", (hostile[0] if hostile else host,))
for day in range(LAST - days + 1, LAST + 1):
    if 30 < LAST - day < 34 or rng.random() < 0.04:
        continue
    for c, cgroup in enumerate(CGROUPS + hostile):
        if rng.random() < 0.2:
            continue
        mode = "observe" if day < LAST - days * 0.45 + c * 2 else "enforce"
        target = (hostile or ["claude.ai"])[0] if c % 3 == 2 else "api.anthropic.com"
        requests = rng.randint(4, 60) // (4 if day % 7 in (2, 3) else 1)
        refused = rng.random() < 0.15 and requests > 1
        why = rng.choice(REASONS + hostile)
        all_found = [0, 0, 0]
        for t, name in enumerate(TYPES + hostile):
            found = int(requests * rng.random() * 8 / (1 + t / 2)) if rng.random() > 0.4 else 0
            if not found:
                continue
            kept = mode == "enforce" and name != "PRIVATE_IPV4"
            sums = (found, found if kept else 0, 0 if kept else found)
            all_found = [a + b for a, b in zip(all_found, sums)]
            db.execute("INSERT INTO tally VALUES (?,?,?,?,?,?,?,?,?,?,0,0,0,0)",
                       (day, cgroup, target, mode, name, requests, requests, *sums))
        db.execute("INSERT INTO tally VALUES (?,?,?,?,'',?,?,?,?,?,0,0,?,?)",
                   (day, cgroup, target, mode, requests, requests // 2, *all_found,
                    refused and mode == "enforce", refused and mode == "observe"))
        outcomes = [(target, "opened", "", requests // 3), ("", "spliced", "", rng.randint(5, 90))]
        if refused:
            outcomes.append((target, "refused" if mode == "enforce" else "unmaskable", why, 1))
        if rng.random() < 0.05:
            outcomes.append(("", "denied", "HTTP/2 without TLS", 1))
        for target, outcome, why, count in outcomes:
            db.execute("INSERT INTO outcome VALUES (?,?,?,?,?,?,?)", (day, cgroup, target, mode, outcome, why, count))
db.commit()
