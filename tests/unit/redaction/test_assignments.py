"""Values given to a telling name, and what only resembles them."""

import json
import random
import string

import pytest

from instar.redaction import redact


def _random(seed: int, length: int) -> str:
    return "".join(random.Random(seed).choices(string.ascii_letters + string.digits, k=length - 1)) + "7"


TOKEN = _random(5, 32)
PASSWORD = _random(6, 6) + "!" + _random(7, 6)
ASSIGNMENTS = [
    ('password = "@@"', PASSWORD),
    ("'password': '@@',", PASSWORD),
    ('password: str = "@@"', PASSWORD),
    ('String dbPassword = "@@";', PASSWORD),
    ('char password[32] = "@@";', PASSWORD),
    ('#define WIFI_PASSWORD "@@"', PASSWORD),
    ("define('DB_PASSWORD', '@@');", PASSWORD),
    (':password => "@@"', PASSWORD),
    ("<password>@@</password>", PASSWORD),
    ('<add key="DbPassword" value="@@"/>', PASSWORD),
    ('- name: DB_PASSWORD\n  value: "@@"', PASSWORD),
    ('{"name": "DB_PASSWORD", "value": "@@"}', PASSWORD),
    ("DB_PASS=@@", PASSWORD),
    ("DB_PASSWORD=@@", PASSWORD + ",x;(9"),
    ("export PGPASSWORD=@@", PASSWORD),
    ("  password: @@  # local", PASSWORD),
    ("password: >-\n  @@", PASSWORD),
    ('setPassword("@@")', PASSWORD),
    ("the password is `@@`", PASSWORD),
    ('password = """@@"""', PASSWORD),
    ('password = "@@"', "hunter22"),
    ('api_key = "@@"', TOKEN),
    ("apiKey: '@@',", TOKEN),
    ("api-key: @@", TOKEN),
    ("X-Api-Key: @@", TOKEN),
    ("SECRET_KEY=@@", TOKEN),
    ('const token: string = "@@";', TOKEN),
    ('os.environ["API_TOKEN"] = "@@"', TOKEN),
    ("ENV API_TOKEN @@", TOKEN),
    ('my_secret := "@@"', TOKEN),
    ("client_secret=@@&grant_type=code", TOKEN),
    ('token = "@@"', f"{0x3F1C2B4A:x}-9d8e-4c7b-a6f5-{0x0E1D2C3B4A59:012x}"),
]


@pytest.mark.parametrize(("frame", "value"), ASSIGNMENTS, ids=[frame for frame, _ in ASSIGNMENTS])
def test_a_value_given_to_a_telling_name_is_replaced(frame: str, value: str) -> None:
    redaction = redact(frame.replace("@@", value))
    (finding,) = redaction.findings
    assert redaction.text == frame.replace("@@", f"[REDACTED:{finding.kind}]")
    escaped = json.dumps({"out": f"first\n{frame.replace('@@', value)}\nlast"})
    assert value not in redact(escaped).text


@pytest.mark.parametrize(
    "text",
    [
        "password = getpass()",
        'password = os.environ["DB_PASSWORD_2"]',
        "password: ${DB_PASSWORD}",
        "password={{ db_password_1 }}",
        "PASSWORD=$1",
        'password: "Enter your password (8 characters)"',
        'password = "<your-password-1>"',
        "password: changeme123",
        'api_key="YOUR_API_KEY_HERE_12345"',
        "token = self.next_token2()",
        "token = tokens[i + 1]",
        "api_key = config.api_key_v2_production",
        "if (token === TokenType2.Identifier) {",
        'secret = "kubernetes-secret-name-1"',
        "aws_secret_access_key = AWS_SECRET_ACCESS_KEY_2",
        't.username=n2.username,t.password=n2.password,t.host="a"',
        'assert bypass("localhost:8888")',
        "data = read(join(pwd, './data/testset-1.csv'))",
        "to keep the shape, pass `check_0d=True`",
        'token = r"[-!#$%&*+.^_|~0-9a-zA-Z]+"',
        'cache_key = "0f343b0931126a20f133d67c2b018a3b"',
        'password_hash = "0f343b0931126a20f133d67c2b018a3b"',
        "https://internal:8080/npm/@scope/package",
        '"ARN": "arn:aws:secretsmanager:us-west-2:123456789012:secret:MyTestDatabase-a1B2c3D4"',
        "--secret-arn arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:rds-a1B2c3D4e5F6",
        '"encryptionKey": "arn:aws:kms:us-east-1:123456789012:key/a1b2c3d4-5678-90ab-cdef-222222222222"',
        "git@git.internal:team/project2.git",
        "postgres://user:password@host/db",
        "postgres://$USER:$PASSWORD@host/db",
        "Authorization: Bearer $TOKEN",
        "sk-loading-spinner-animation-container-2",
        "task-1234567890abcdefghijklmnopqrstuvwxyz1234",
        '"sha512-' + "a1B2" * 21 + '=="',
        "ghp_" + "x" * 36,
        "if '-" + "----BEGIN PRIVATE KEY-----' in text and '-" + "----END PRIVATE KEY-----' in text:",
        "commit 0f343b0931126a20f133d67c2b018a3b0f343b09",
    ],
)
def test_what_only_resembles_a_secret_stays(text: str) -> None:
    assert redact(text).text == text
