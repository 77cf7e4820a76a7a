"""Secrets of every kind, made up at run time, so that this repository holds none, not even a false one."""

import base64
import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass

LETTERS = string.ascii_letters
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"
URLSAFE = ALNUM + "_-"


@dataclass(frozen=True, slots=True)
class Planted:
    """A secret: its kind, the text it stands in, and the part that must not be left."""

    kind: str
    text: str
    secret: str


class Maker:
    """Random values, the same for the same seed; each has a digit, as all but one in hundreds of real ones do."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def of(self, alphabet: str, length: int) -> str:
        drawn = self._random.choices(alphabet, k=length - 2)
        return "".join([*drawn[: length // 2], "7", *drawn[length // 2 :], "4"])

    def password(self) -> str:
        return f"{self.of(ALNUM, 5)}!{self.of(ALNUM, 6)}Zq"


def _token(kind: str, build: Callable[[Maker], str]) -> Callable[[Maker], Planted]:
    def make(maker: Maker) -> Planted:
        value = build(maker)
        return Planted(kind, value, value)

    return make


def _github(letter: str) -> Callable[[Maker], Planted]:
    return _token("github-token", lambda m: f"gh{letter}_" + m.of(ALNUM, 36))


def _inside(kind: str, frame: str, build: Callable[[Maker], str]) -> Callable[[Maker], Planted]:
    def make(maker: Maker) -> Planted:
        value = build(maker)
        return Planted(kind, frame.replace("@@", value), value)

    return make


def _jwt(m: Maker) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": m.of(HEX, 24), "iat": 1516239022})
    head, body = (base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts)
    return f"{head}.{body}.{m.of(URLSAFE, 43)}"


def _slack_hook(m: Maker) -> str:
    return f"T{m.of(UPPER, 10)}/B{m.of(UPPER, 10)}/{m.of(ALNUM, 24)}"


# Tokens: recognised wherever they stand.
TOKENS: tuple[Callable[[Maker], Planted], ...] = (
    _token("aws-access-key-id", lambda m: "AK" + "IA" + m.of(UPPER, 16)),
    _token("aws-access-key-id", lambda m: "AS" + "IA" + m.of(UPPER, 16)),
    *(_github(letter) for letter in "pousr"),
    _token("github-token", lambda m: "github" + "_pat_" + m.of(ALNUM, 22) + "_" + m.of(ALNUM, 59)),
    _token("gitlab-token", lambda m: "gl" + "pat-" + m.of(URLSAFE, 19) + "x"),
    _token("gitlab-token", lambda m: "gl" + "rt-" + m.of(URLSAFE, 19) + "x"),
    _token("slack-token", lambda m: f"xo{'xb'}-{m.of(string.digits, 11)}-{m.of(string.digits, 12)}-" + m.of(ALNUM, 24)),
    _token("stripe-key", lambda m: "sk" + "_live_" + m.of(ALNUM, 24)),
    _token("stripe-key", lambda m: "rk" + "_live_" + m.of(ALNUM, 24)),
    _token("stripe-key", lambda m: "sk" + "_test_" + m.of(ALNUM, 24)),
    _token("openai-key", lambda m: "sk" + "-" + m.of(ALNUM, 20) + "T3Blbk" + "FJ" + m.of(ALNUM, 20)),
    _token("openai-key", lambda m: "sk" + "-proj-" + m.of(URLSAFE, 100) + "x"),
    _token("anthropic-key", lambda m: "sk" + "-ant-api03-" + m.of(URLSAFE, 93) + "AA"),
    _token("google-api-key", lambda m: "AI" + "za" + m.of(URLSAFE, 35)),
    _token("google-oauth-secret", lambda m: "GOC" + "SPX-" + m.of(URLSAFE, 28)),
    _token("google-oauth-token", lambda m: "ya" + "29." + m.of(URLSAFE, 120) + "x"),
    _token("sendgrid-key", lambda m: "S" + "G." + m.of(URLSAFE, 22) + "." + m.of(URLSAFE, 43)),
    _token("mailgun-key", lambda m: "ke" + "y-" + m.of(HEX, 32)),
    _token("mailchimp-key", lambda m: m.of(HEX, 32) + "-u" + "s12"),
    _token("twilio-key", lambda m: "S" + "K" + m.of(HEX, 32)),
    _token("npm-token", lambda m: "np" + "m_" + m.of(ALNUM, 36)),
    _token("pypi-token", lambda m: "py" + "pi-AgEIcHlwaS5vcmc" + m.of(URLSAFE, 120) + "x"),
    _token("docker-token", lambda m: "dckr" + "_pat_" + m.of(URLSAFE, 27)),
    _token("huggingface-token", lambda m: "h" + "f_" + m.of(LETTERS, 34)),
    _token("digitalocean-token", lambda m: "dop" + "_v1_" + m.of(HEX, 64)),
    _token("discord-token", lambda m: f"MT{m.of(ALNUM, 24)}.{m.of(ALNUM, 6)}.{m.of(ALNUM, 38)}"),
    _token("json-web-token", _jwt),
    _token("shopify-token", lambda m: "sh" + "pat_" + m.of(HEX, 32)),
    _token("square-token", lambda m: "sq" + "0atp-" + m.of(URLSAFE, 22)),
    _token("databricks-token", lambda m: "da" + "pi" + m.of(HEX, 32)),
    _token("vault-token", lambda m: "hv" + "s.CAES" + m.of(URLSAFE, 90) + "x"),
    _token("terraform-token", lambda m: m.of(ALNUM, 14) + ".atlas" + "v1." + m.of(ALNUM, 67)),
    _token("age-secret-key", lambda m: "AGE-SECRET" + "-KEY-1" + m.of(UPPER, 58)),
    _token("linear-key", lambda m: "lin" + "_api_" + m.of(ALNUM, 40)),
    _token("notion-token", lambda m: "nt" + "n_" + m.of(ALNUM, 46)),
    _token("figma-token", lambda m: "fig" + "d_" + m.of(URLSAFE, 40)),
    _token("atlassian-token", lambda m: "ATA" + "TT3" + m.of(URLSAFE, 180) + "x"),
    _token("grafana-token", lambda m: "gl" + "sa_" + m.of(ALNUM, 32) + "_" + m.of(HEX, 8)),
    _token("postman-key", lambda m: "PM" + "AK-" + m.of(HEX, 24) + "-" + m.of(HEX, 34)),
)

# Secrets recognised by what stands around them. "@@" is the secret; the rest of the frame is kept.
FRAMED: tuple[Callable[[Maker], Planted], ...] = (
    _inside("telegram-token", "4712345678:@@", lambda m: "A" + "A" + m.of(URLSAFE, 33)),
    _inside("slack-webhook", "https://hooks.slack.com/services/@@", _slack_hook),
    _inside(
        "discord-webhook",
        "https://discord.com/api/webhooks/@@",
        lambda m: m.of(string.digits, 18) + "/" + m.of(URLSAFE, 68),
    ),
    _inside("url-password", "postgres://app:@@@db.internal:5432/main", lambda m: m.of(ALNUM, 14)),
    _inside("url-password", "mysql+pymysql://app:@@@db.internal/main", lambda m: m.of(ALNUM, 14)),
    _inside("url-password", "mongodb+srv://app:@@@cluster0.mongo.internal", lambda m: m.of(ALNUM, 14)),
    _inside("url-password", "redis://:@@@cache.internal:6379/0", lambda m: m.of(ALNUM, 14)),
    _inside("url-password", "amqp://app:@@@queue.internal/vhost", lambda m: m.of(ALNUM, 14)),
    _inside("url-password", "https://bob:@@@git.internal/repo.git", lambda m: m.of(ALNUM, 14)),
    _inside("bearer-token", "Authorization: Bearer @@", lambda m: m.of(ALNUM, 40)),
    _inside(
        "basic-auth",
        "Authorization: Basic @@",
        lambda m: base64.b64encode(f"bob:{m.of(ALNUM, 16)}".encode()).decode(),
    ),
    _inside("basic-auth", "curl -sS -u bob:@@ https://api.internal/", lambda m: m.of(ALNUM, 14)),
    _inside("command-line-password", "sshpass -p @@ ssh bob@host", lambda m: m.of(ALNUM, 14)),
    _inside("netrc-password", "machine api.internal login bob password @@", lambda m: m.of(ALNUM, 14)),
    _inside("npm-auth", "//npm.internal/:_authToken=@@", lambda m: m.of(HEX, 36)),
    _inside("password", "Server=db;User Id=sa;Password=@@;Encrypt=true", lambda m: m.of(ALNUM, 9)),
    _inside(
        "azure-storage-key",
        "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=@@;EndpointSuffix=core",
        lambda m: m.of(ALNUM + "+/", 86) + "==",
    ),
    _inside("azure-sas", "https://acc.blob.internal/c?sv=2022&sig=@@", lambda m: m.of(ALNUM, 43) + "%3D"),
    _inside("aws-secret-key", "aws_secret_access_key = @@", lambda m: m.of(ALNUM + "/+", 40)),
    _inside("password-hash", "bob:@@", lambda m: "$2" + "b$12$" + m.of(ALNUM + "./", 53)),
    _inside("htpasswd-hash", "bob:@@", lambda m: "{SHA}" + m.of(ALNUM, 27) + "="),
    _inside("twilio-auth-token", "TWILIO_AUTH_TOKEN=@@", lambda m: m.of(HEX, 32)),
    _inside("datadog-key", "DD_API_KEY=@@", lambda m: m.of(HEX, 32)),
    _inside("cloudflare-key", "CLOUDFLARE_API_TOKEN=@@", lambda m: m.of(ALNUM, 40)),
    _inside("heroku-key", "HEROKU_API_KEY=@@", lambda m: f"{m.of(HEX, 8)}-1a2b-4c3d-9e8f-{m.of(HEX, 12)}"),
    _inside("generic-secret", "--api-key @@ --verbose", lambda m: m.of(ALNUM, 32)),
    _inside("password", "--password=@@ --verbose", Maker.password),
)

ALL = [make(Maker(seed)) for seed, make in enumerate([*TOKENS, *FRAMED])]
