"""Tokens that show by their own form whose they are: a prefix and a body of known alphabet and length."""

import re
from collections.abc import Iterator

from instar.redaction.spans import Span, View

# Kind, and form. A form has no capturing group, no unbounded repetition, and only characters of _RUN_CHARACTERS.
# {n,255} rather than {n}: issuers lengthen their tokens, and the whole token has to go.
_FORMS: tuple[tuple[str, str], ...] = (
    ("aws-access-key-id", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7][A-Z0-9]{15}(?![A-Za-z0-9])"),
    ("aws-bedrock-key", r"ABSK[A-Za-z0-9]{100,300}"),
    ("github-token", r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{36,255}"),
    ("gitlab-token", r"gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas|ffct|wt)-[A-Za-z0-9_.-]{20,255}"),
    ("gitlab-token", r"GR1348941[A-Za-z0-9_-]{20,50}"),
    (
        "slack-token",
        r"xox[abceoprs]-(?:[A-Za-z0-9]{1,20}[.-]){0,8}[A-Za-z0-9-]{10,255}|xapp-[0-9]-[A-Za-z0-9-]{20,255}",
    ),
    ("stripe-key", r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}|whsec_[A-Za-z0-9]{32,64}"),
    ("anthropic-key", r"sk-ant-[A-Za-z0-9_-]{20,255}"),
    ("openai-key", r"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,255}"),
    ("openai-key", r"sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"),
    ("openrouter-key", r"sk-or-v1-[0-9a-f]{64}"),
    ("sk-key", r"sk-(?=[A-Za-z]{0,40}[0-9])[A-Za-z0-9]{32,64}(?![A-Za-z0-9_-])"),
    ("google-api-key", r"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    ("google-oauth-secret", r"GOCSPX-[A-Za-z0-9_-]{28}"),
    ("google-oauth-token", r"ya29\.[A-Za-z0-9_-]{30,1000}"),
    ("sendgrid-key", r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}"),
    ("mailgun-key", r"key-[0-9a-f]{32}(?![A-Za-z0-9])|[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}(?![A-Za-z0-9-])"),
    ("mailchimp-key", r"[0-9a-f]{32}-us[0-9]{1,2}(?![A-Za-z0-9])"),
    ("brevo-key", r"xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}"),
    ("twilio-key", r"(?:AC|SK)(?=[a-f]{0,31}[0-9])[0-9a-f]{32}(?![A-Za-z0-9])"),
    ("npm-token", r"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9_])"),
    ("pypi-token", r"pypi-AgE[A-Za-z0-9_-]{50,255}"),
    ("rubygems-key", r"rubygems_[0-9a-f]{48}"),
    ("crates-io-token", r"cio(?=[A-Za-z]{0,31}[0-9])[A-Za-z0-9]{32}(?![A-Za-z0-9_-])"),
    ("nuget-key", r"oy2[a-z0-9]{43}(?![A-Za-z0-9_-])"),
    ("docker-token", r"dckr_[po]at_[A-Za-z0-9_-]{20,64}"),
    ("huggingface-token", r"hf_[A-Za-z0-9]{30,64}(?![A-Za-z0-9_])|api_org_[A-Za-z]{34}"),
    ("digitalocean-token", r"do[opr]_v1_[0-9a-f]{64}"),
    ("discord-token", r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}(?![A-Za-z0-9_-])"),
    ("telegram-token", r"AA(?<=[0-9]{8}:AA)[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    (
        "json-web-token",
        r"eyJ(?<![_-]eyJ)[A-Za-z0-9_-]{10,8192}\.eyJ[A-Za-z0-9_-]{8,16384}(?:\.[A-Za-z0-9_-]{10,1024})?",
    ),
    (
        "json-web-token",
        r"eyJ(?<![_-]eyJ)[A-Za-z0-9_-]{10,8192}\.[A-Za-z0-9_-]{0,1024}\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{1,16384}"
        r"\.[A-Za-z0-9_-]{16,64}",
    ),
    ("shopify-token", r"shp(?:at|ca|pa|ss|ua|rt|tka)_[0-9a-fA-F]{32,64}"),
    ("square-token", r"sq0(?:atp|csp|idp)-[A-Za-z0-9_-]{22,64}|EAAA[A-Za-z0-9_-]{60}(?![A-Za-z0-9_-])"),
    ("databricks-token", r"dapi[0-9a-f]{32}(?:-[0-9])?(?![A-Za-z0-9])"),
    ("vault-token", r"hv[sbr]\.[A-Za-z0-9_-]{24,300}"),
    ("terraform-token", r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{60,80}"),
    ("age-secret-key", r"AGE-SECRET-KEY-1[0-9A-Z]{58}"),
    ("linear-key", r"lin_(?:api|oauth)_[A-Za-z0-9]{32,64}"),
    ("notion-token", r"ntn_[A-Za-z0-9]{40,64}|secret_[A-Za-z0-9]{43}(?![A-Za-z0-9_])"),
    ("figma-token", r"fig[dour]_[A-Za-z0-9_-]{40,64}"),
    (
        "atlassian-token",
        r"AT(?:ATT|CTT)3[A-Za-z0-9_-]{60,255}|ATBB(?=[A-Za-z]{0,31}[0-9])[A-Za-z0-9]{32}(?![A-Za-z0-9])",
    ),
    ("groq-key", r"gsk_[A-Za-z0-9]{48,64}"),
    ("xai-key", r"xai-[A-Za-z0-9]{70,90}"),
    ("perplexity-key", r"pplx-[A-Za-z0-9]{40,64}"),
    ("replicate-token", r"r8_[A-Za-z0-9]{37}(?![A-Za-z0-9_])"),
    ("newrelic-key", r"NRAK-[A-Z0-9]{27}|NRII-[A-Za-z0-9_-]{32}"),
    ("grafana-token", r"glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|glc_eyJ[A-Za-z0-9_-]{40,400}"),
    ("sentry-token", r"sntryu_[0-9a-f]{64}|sntrys_[A-Za-z0-9_-]{60,400}"),
    ("postman-key", r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}"),
    ("planetscale-token", r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}"),
    ("pulumi-token", r"pul-[0-9a-f]{40}"),
    ("doppler-token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.(?:[A-Za-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}"),
    ("supabase-key", r"sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{20,64}"),
    ("airtable-token", r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}"),
    ("netlify-token", r"nf[pcu]_[A-Za-z0-9]{36}(?![A-Za-z0-9_])"),
    ("tailscale-key", r"tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9-]{20,80}"),
    ("heroku-key", r"HRKU-AA[A-Za-z0-9_-]{58}"),
    ("artifactory-token", r"AKCp[A-Za-z0-9]{60,80}"),
    ("facebook-token", r"EAA[A-Za-z0-9]{100,255}(?![A-Za-z0-9_-])"),
    ("dynatrace-token", r"dt0[a-z][0-9]{2}\.[A-Z0-9]{24}\.[A-Z0-9]{64}"),
    ("onepassword-token", r"ops_eyJ[A-Za-z0-9_-]{100,1000}"),
)
KINDS = tuple(dict.fromkeys(kind for kind, _ in _FORMS))

# Every form holds a run of these at least this long, so text without such a run needs no closer look. A byte
# translation and a byte search find the runs far faster than any regular expression finds the forms.
_RUN_LENGTH = 20
_RUN_CHARACTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."
_RUN_TABLE = bytes(ord("a") if byte in _RUN_CHARACTERS else ord(" ") for byte in range(256))
_RUN = b"a" * _RUN_LENGTH

# All forms in one expression, without groups: so each alternative begins with a literal or a set of characters, which
# is what lets the expression pass over most of them at a glance. The kind is found afterwards.
_ANY_FORM = "|".join(form for _, form in _FORMS)
_INSIDE = re.compile(rf"(?<![A-Za-z0-9])(?:{_ANY_FORM})")
_AT_LEAD = re.compile(_ANY_FORM)
_KIND_FORMS = tuple((kind, re.compile(form)) for kind, form in _FORMS)
# The tail of an escape that a token may follow directly (\nTOKEN, \u0022TOKEN, %3DTOKEN, the colour ESC[32mTOKEN):
# there the run begins with characters that are not the token's.
_LEAD = re.compile(r"(?<=\\)(?:[nrtfb]|u00[0-9a-fA-F]{2}|x[0-9a-fA-F]{2})|(?<=%)[0-9A-F]{2}|(?<=[\[;])[0-9]{1,2}m")
# A body of fewer different characters is a row of x or a drawing, not a token.
_LEAST_DIFFERENT = 8


def scan(view: View) -> Iterator[Span]:
    """Yield the tokens of a text."""
    runs = view.raw.translate(_RUN_TABLE)
    start = runs.find(_RUN)
    while start >= 0:
        end = runs.find(b" ", start)
        end = len(runs) if end < 0 else end
        yield from _in_run(view.text, start, end)
        start = runs.find(_RUN, end)


def _in_run(text: str, start: int, end: int) -> Iterator[Span]:
    lead = _LEAD.match(text, start)
    matches = [] if lead is None else [_AT_LEAD.match(text, lead.end(), end)]
    for match in [*matches, *_INSIDE.finditer(text, start, end)]:
        if match and len(set(match[0])) >= _LEAST_DIFFERENT:
            yield Span(match.start(), match.end(), _kind_of(text, match.start(), end))


def _kind_of(text: str, start: int, end: int) -> str:
    return next(kind for kind, form in _KIND_FORMS if form.match(text, start, end))
