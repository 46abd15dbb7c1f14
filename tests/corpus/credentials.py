"""Credentials no vendor ever issued: the public form of each vendor's keys, filled from a seeded generator.

The forms follow what the vendors document and what the open rule sets of secret scanners match. Where a vendor adds a
checksum (GitHub, npm) it is right, so that a detector may verify it. The label covers what must not leave the house:
the password of a URL but not its host, the base64 of a basic-auth header but not the word before it.

No finished key stands in this file; forges that scan for secrets would be right to refuse it.
"""

import base64
import json
import zlib

import checks
from values import ALNUM, DIGITS, HEX, LOWER, UPPER, Value, pick

URLSAFE = ALNUM + "-_"
B64 = ALNUM + "+/"
BASE32 = UPPER + "234567"

ALPHABETS = {
    "a": ALNUM, "x": HEX, "u": URLSAFE, "b": B64, "d": DIGITS, "l": LOWER, "U": UPPER, "A": UPPER + DIGITS,
    "z": LOWER + DIGITS, "2": BASE32, "X": DIGITS + "ABCDEF",
}


def drawn(rng, pattern):
    """`{a36}` stands for 36 letters of alphabet `a`, `{uuid}` for a UUID; everything else stands for itself.

    A run always holds a digit where its alphabet has one: a key without any would be rare luck, and reads as a word.
    """
    out, rest = "", pattern
    while rest:
        head, opened, rest = rest.partition("{")
        out += head
        if not opened:
            break
        name, _, rest = rest.partition("}")
        if name == "uuid":
            out += "-".join(pick(rng, HEX, n) for n in (8, 4, 4, 4, 12))
            continue
        alphabet, count = ALPHABETS[name[0]], int(name[1:])
        run = pick(rng, alphabet, count)
        while count > 6 and any(c in DIGITS for c in alphabet) and not any(c in DIGITS for c in run):
            run = pick(rng, alphabet, count)
        # A run in the URL-safe alphabet neither starts nor ends with punctuation, so that its end is beyond dispute.
        out += rng.choice(ALNUM) + run[1:-1] + rng.choice(ALNUM) if name[0] in "ub" and count > 2 else run
    return out


def with_crc(prefix):
    def make(rng):
        body = pick(rng, ALNUM, 30)
        number, tail = zlib.crc32(body.encode()), ""
        for _ in range(6):
            number, rest = divmod(number, 62)
            tail = checks.BASE62[rest] + tail
        return prefix + body + tail
    return make


def unpadded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(rng):
    algorithm = rng.choice(("HS256", "RS256", "ES256"))
    claims = {"sub": pick(rng, DIGITS, 9), "iss": "https://login.nordwind.io", "iat": rng.randint(1_600_000_000, 1_790_000_000)}
    head = unpadded(json.dumps({"alg": algorithm, "typ": "JWT"}, separators=(",", ":")).encode())
    return f"{head}.{unpadded(json.dumps(claims).encode())}.{unpadded(rng.randbytes(64 if algorithm == 'RS256' else 32))}"


def sentry_org(rng):
    body = json.dumps({"iat": rng.randint(1_690_000_000, 1_790_000_000) + 0.25, "url": "https://sentry.io", "region_url": "https://us.sentry.io"})
    return f"sntrys_{base64.b64encode(body.encode()).decode()}_{unpadded(rng.randbytes(32)).replace('-', 'a').replace('_', 'b')}"


def one_password(rng):
    body = {"signInAddress": "nordwind.1password.com", "userAuth": {"method": "SRPg-4096", "alg": "PBES2g-HS256"}}
    body |= {"email": pick(rng, LOWER, 13), "secretKey": pick(rng, UPPER, 34), "throttleSecret": {"seed": pick(rng, HEX, 64)}}
    return "ops_" + base64.b64encode(json.dumps(body, separators=(",", ":")).encode()).decode()


def discord_bot(rng):
    return f"MT{pick(rng, ALNUM, 24)}.{rng.choice('GYX')}{pick(rng, ALNUM, 5)}.{drawn(rng, '{u38}')}"


# Keys of model providers, each with the variable that usually holds it.
MODEL_KEYS = """
openai_legacy        OPENAI_API_KEY          sk-{a20}T3BlbkFJ{a20}
openai_project       OPENAI_API_KEY          sk-proj-{u74}T3BlbkFJ{u74}
openai_service       OPENAI_API_KEY          sk-svcacct-{u74}T3BlbkFJ{u74}
openai_admin         OPENAI_ADMIN_KEY        sk-admin-{u58}T3BlbkFJ{u58}
anthropic            ANTHROPIC_API_KEY       sk-ant-api03-{u93}AA
anthropic_admin      ANTHROPIC_ADMIN_KEY     sk-ant-admin01-{u93}AA
anthropic_oauth      CLAUDE_CODE_OAUTH_TOKEN sk-ant-oat01-{u93}AA
google_api           GEMINI_API_KEY          AIzaSy{u33}
huggingface          HF_TOKEN                hf_{l1}{a33}
groq                 GROQ_API_KEY            gsk_{a20}WGdyb3FY{a24}
xai                  XAI_API_KEY             xai-{a80}
perplexity           PERPLEXITY_API_KEY      pplx-{a48}
replicate            REPLICATE_API_TOKEN     r8_{a37}
openrouter           OPENROUTER_API_KEY      sk-or-v1-{x64}
deepseek             DEEPSEEK_API_KEY        sk-{x32}
moonshot             MOONSHOT_API_KEY        sk-{a48}
dashscope            DASHSCOPE_API_KEY       sk-{x32}
cerebras             CEREBRAS_API_KEY        csk-{z48}
fireworks            FIREWORKS_API_KEY       fw_{a24}
together             TOGETHER_API_KEY        tgp_v1_{u43}
nvidia               NVIDIA_API_KEY          nvapi-{u64}
voyage               VOYAGE_API_KEY          pa-{u43}
jina                 JINA_API_KEY            jina_{x32}{a28}
elevenlabs           ELEVENLABS_API_KEY      sk_{x48}
stability            STABILITY_API_KEY       sk-{a48}
bedrock              AWS_BEARER_TOKEN_BEDROCK ABSKQmVkcm9ja0FQSUtleS{a110}=
langsmith            LANGSMITH_API_KEY       lsv2_pt_{x32}_{x10}
langfuse             LANGFUSE_SECRET_KEY     sk-lf-{uuid}
pinecone             PINECONE_API_KEY        pcsk_{a6}_{a63}
tavily               TAVILY_API_KEY          tvly-dev-{a32}
firecrawl            FIRECRAWL_API_KEY       fc-{x32}
anyscale             ANYSCALE_API_KEY        esecret_{z26}
runpod               RUNPOD_API_KEY          rpa_{A40}
"""

VENDOR_KEYS = """
aws_access_key       AWS_ACCESS_KEY_ID       AKIA{216}
aws_temporary_key    AWS_ACCESS_KEY_ID       ASIA{216}
github_fine_grained  GITHUB_TOKEN            github_pat_11{A20}_{a59}
gitlab               GITLAB_TOKEN            glpat-{u20}
gitlab_trigger       TRIGGER_TOKEN           glptt-{x40}
gitlab_runner        RUNNER_TOKEN            glrt-{u20}
gitlab_deploy        DEPLOY_TOKEN            gldt-{u20}
gitlab_registration  REGISTRATION_TOKEN      GR1348941{u20}
bitbucket_app        BITBUCKET_TOKEN         ATBB{a32}
atlassian            JIRA_API_TOKEN          ATATT3xFfGF0{u178}={X8}
slack_bot            SLACK_BOT_TOKEN         xoxb-{d12}-{d13}-{a24}
slack_user           SLACK_USER_TOKEN        xoxp-{d12}-{d12}-{d13}-{x32}
slack_app            SLACK_APP_TOKEN         xapp-1-A{A10}-{d13}-{x64}
slack_webhook        SLACK_WEBHOOK_URL       https://hooks.slack.com/services/T{A10}/B{A10}/{a24}
discord_webhook      DISCORD_WEBHOOK_URL     https://discord.com/api/webhooks/{d19}/{u68}
stripe_live          STRIPE_SECRET_KEY       sk_live_{a24}
stripe_long          STRIPE_SECRET_KEY       sk_live_51{a97}
stripe_test          STRIPE_SECRET_KEY       sk_test_{a24}
stripe_restricted    STRIPE_RESTRICTED_KEY   rk_live_{a24}
stripe_webhook       STRIPE_WEBHOOK_SECRET   whsec_{a32}
square               SQUARE_ACCESS_TOKEN     sq0atp-{u22}
shopify              SHOPIFY_TOKEN           shpat_{x32}
shopify_shared       SHOPIFY_SECRET          shpss_{x32}
razorpay             RAZORPAY_KEY            rzp_live_{a14}
flutterwave          FLW_SECRET_KEY          FLWSECK-{x32}-X
twilio_key           TWILIO_API_KEY          SK{x32}
sendgrid             SENDGRID_API_KEY        SG.{u22}.{u43}
mailgun              MAILGUN_API_KEY         key-{x32}
mailchimp            MAILCHIMP_API_KEY       {x32}-us1{d1}
brevo                BREVO_API_KEY           xkeysib-{x64}-{a16}
resend               RESEND_API_KEY          re_{a8}_{a24}
telegram             TELEGRAM_BOT_TOKEN      {d10}:AA{u33}
digitalocean         DIGITALOCEAN_TOKEN      dop_v1_{x64}
digitalocean_oauth   DO_OAUTH                doo_v1_{x64}
google_oauth_secret  GOOGLE_CLIENT_SECRET    GOCSPX-{u28}
google_oauth_access  GOOGLE_ACCESS_TOKEN     ya29.a0{u130}
azure_ad_secret      AZURE_CLIENT_SECRET     {a3}8Q~{u34}
alibaba              ALIBABA_ACCESS_KEY      LTAI5t{a18}
tencent              TENCENT_SECRET_ID       AKID{a32}
yandex               YANDEX_API_KEY          AQVN{u36}
databricks           DATABRICKS_TOKEN        dapi{x32}
vault                VAULT_TOKEN             hvs.{u95}
vault_batch          VAULT_TOKEN             hvb.{u150}
terraform            TF_TOKEN                {a14}.atlasv1.{u64}
pulumi               PULUMI_ACCESS_TOKEN     pul-{x40}
doppler              DOPPLER_TOKEN           dp.pt.{a43}
pypi                 TWINE_PASSWORD          pypi-AgEIcHlwaS5vcmc{u120}
rubygems             GEM_HOST_API_KEY        rubygems_{x48}
crates_io            CARGO_REGISTRY_TOKEN    cio{a32}
nuget                NUGET_API_KEY           oy2{z43}
docker_hub           DOCKER_PAT              dckr_pat_{u27}
clojars              CLOJARS_TOKEN           CLOJARS_{x60}
artifactory          ARTIFACTORY_API_KEY     AKCp{a69}
linear               LINEAR_API_KEY          lin_api_{a40}
notion               NOTION_TOKEN            ntn_{d11}{a35}
figma                FIGMA_TOKEN             figd_{u40}
airtable             AIRTABLE_TOKEN          pat{a14}.{x64}
asana                ASANA_TOKEN             1/{d16}:{x32}
hubspot              HUBSPOT_TOKEN           pat-na1-{uuid}
postman              POSTMAN_API_KEY         PMAK-{x24}-{x34}
newrelic             NEW_RELIC_API_KEY       NRAK-{A27}
grafana_service      GRAFANA_TOKEN           glsa_{a32}_{x8}
grafana_cloud        GRAFANA_CLOUD_TOKEN     glc_eyJvIjoi{a84}
sentry_user          SENTRY_AUTH_TOKEN       sntryu_{x64}
dynatrace            DT_API_TOKEN            dt0c01.{A24}.{A64}
sonar                SONAR_TOKEN             squ_{x40}
sourcegraph          SRC_ACCESS_TOKEN        sgp_{x16}_{x40}
launchdarkly         LAUNCHDARKLY_SDK_KEY    sdk-{uuid}
planetscale          PLANETSCALE_TOKEN       pscale_tkn_{u43}
planetscale_password PLANETSCALE_PASSWORD    pscale_pw_{u43}
supabase             SUPABASE_ACCESS_TOKEN   sbp_{x40}
neon                 NEON_API_KEY            napi_{z64}
netlify              NETLIFY_AUTH_TOKEN      nfp_{a36}
fly                  FLY_API_TOKEN           fo1_{u43}
heroku               HEROKU_API_KEY          HRKU-AA{u58}
tailscale            TS_AUTHKEY              tskey-auth-{a17}-{a32}
cloudflare_origin    CF_ORIGIN_KEY           v1.0-{x24}-{x146}
prefect              PREFECT_API_KEY         pnu_{a36}
easypost             EASYPOST_API_KEY        EZAK{a54}
shippo               SHIPPO_TOKEN            shippo_live_{x40}
duffel               DUFFEL_TOKEN            duffel_live_{u43}
readme               README_API_KEY          rdme_{z70}
typeform             TYPEFORM_TOKEN          tfp_{a44}_{a14}
frameio              FRAMEIO_TOKEN           fio-u-{u64}
adobe                ADOBE_CLIENT_SECRET     p8e-{z32}
maxmind              MAXMIND_LICENSE_KEY     {a6}_{a29}_mmk
infracost            INFRACOST_API_KEY       ico-{a32}
harness              HARNESS_TOKEN           pat.{u22}.{x24}.{a20}
contentful           CONTENTFUL_TOKEN        CFPAT-{u43}
buildkite            BUILDKITE_TOKEN         bkua_{x40}
openshift            OPENSHIFT_TOKEN         sha256~{u43}
octopus              OCTOPUS_API_KEY         API-{A26}
facebook             FB_PAGE_TOKEN           EAAC{a150}
plaid                PLAID_ACCESS_TOKEN      access-production-{uuid}
amazon_mws           MWS_AUTH_TOKEN          amzn.mws.{uuid}
one_password_key     OP_SECRET_KEY           A3-{A6}-{A11}-{A5}-{A5}-{A5}
"""

# Without a form of their own: only the name of the field says what they are.
NAMED_KEYS = """
aws_secret           AWS_SECRET_ACCESS_KEY   {b40}
datadog              DATADOG_API_KEY         {x32}
mistral              MISTRAL_API_KEY         {a32}
cohere               COHERE_API_KEY          {a40}
azure_openai         AZURE_OPENAI_API_KEY    {x32}
deepgram             DEEPGRAM_API_KEY        {x40}
cloudflare           CLOUDFLARE_API_TOKEN    {u40}
twilio_auth          TWILIO_AUTH_TOKEN       {x32}
okta                 OKTA_API_TOKEN          00{u40}
algolia              ALGOLIA_ADMIN_API_KEY   {x32}
snyk                 SNYK_TOKEN              {uuid}
pagerduty            PAGERDUTY_API_KEY       {u20}
generic_api_key      API_KEY                 {a32}
generic_secret       CLIENT_SECRET           {u40}
generic_token        ACCESS_TOKEN            {a40}
django               SECRET_KEY              {u50}
jwt_signing          JWT_SECRET              {b44}
session              SESSION_SECRET          {x64}
webhook              WEBHOOK_SECRET          {a28}
encryption           ENCRYPTION_KEY          {x64}
azure_storage        STORAGE_ACCOUNT_KEY     {b86}==
"""


def rows(table):
    return [line.split() for line in table.strip().splitlines()]


def secret(kind, name, text, bare=True, shape="one"):
    return Value("SECRET", kind, text, (name,), SECRET, bare, shape)


SECRET = {
    "en": "key", "de": "Schlüssel", "fr": "clé", "es": "clave", "it": "chiave", "pt": "chave", "nl": "sleutel", "pl": "klucz",
    "ja": "キー", "zh": "密钥", "ko": "키", "ru": "ключ",
}


def vendor_makers():
    """Keys that a detector knows by their form alone."""
    def shaped(kind, name, pattern):
        return lambda rng: secret(kind, name, drawn(rng, pattern))

    def made(kind, name, make):
        return lambda rng: secret(kind, name, make(rng))

    makers = [shaped(*row) for row in rows(MODEL_KEYS) * 2 + rows(VENDOR_KEYS)]
    makers += [made(f"github_{prefix[:3]}", "GITHUB_TOKEN", with_crc(prefix)) for prefix in ("ghp_", "gho_", "ghu_", "ghs_", "ghr_")]
    makers += [
        made("npm", "NPM_TOKEN", with_crc("npm_")), made("jwt", "ID_TOKEN", jwt), made("jwt", "SUPABASE_KEY", jwt),
        made("sentry_org", "SENTRY_AUTH_TOKEN", sentry_org), made("one_password_service", "OP_SERVICE_ACCOUNT_TOKEN", one_password),
        made("discord_bot", "DISCORD_TOKEN", discord_bot),
        made("age", "AGE_KEY", lambda rng: "AGE-SECRET-KEY-1" + pick(rng, checks.BECH32.upper(), 58)),
    ]
    return makers


def named_makers():
    """Keys that only their field's name gives away."""
    def maker(kind, name, pattern):
        return lambda rng: Value("SECRET", kind, drawn(rng, pattern), (name,), {"en": "API key"}, bare=False)
    return [maker(*row) for row in rows(NAMED_KEYS)]


NOUNS = "sommer tiger raven maple copper harbor violet falcon winter granite mosaic lantern".split()


def password(rng, plain=False):
    """What people choose: words with digits and signs, or what a manager draws. It ends in a letter or digit."""
    word, other, sign = rng.choice(NOUNS), rng.choice(NOUNS), rng.choice("_-." if plain else "!#%_-$")
    return rng.choice((
        f"{word.title()}{sign}{rng.randint(1980, 2026)}{rng.choice('xyzq')}",
        f"{word}{rng.randint(10, 99)}{sign}{other.title()}{rng.randint(1, 9)}",
        f"{pick(rng, ALNUM, 5)}{sign}{pick(rng, ALNUM, 6)}{rng.randint(1, 9)}",
        f"{word}-{other}-{rng.randint(100, 999)}-{rng.choice(NOUNS)}",
        f"{word[0].upper()}{word[1:3]}{rng.randint(1, 9)}{sign}{pick(rng, LOWER, 4)}{rng.randint(1, 99)}",
    ))


PASSWORD = {
    "en": "password", "de": "Passwort", "fr": "mot de passe", "es": "contraseña", "it": "password", "pt": "senha",
    "nl": "wachtwoord", "pl": "hasło", "ja": "パスワード", "zh": "密码", "ko": "비밀번호", "ru": "пароль",
}
PASSWORD_KEYS = (
    "password", "passwd", "db_password", "DB_PASSWORD", "POSTGRES_PASSWORD", "MYSQL_ROOT_PASSWORD", "adminPassword",
    "smtp_password", "spring.datasource.password", "REDIS_PASSWORD", "pwd", "userPassword", "keystore_password",
)


def password_makers():
    def maker(name):
        return lambda rng: Value("SECRET", "password", password(rng), (name,), PASSWORD, bare=False)
    return [maker(name) for name in PASSWORD_KEYS]


PEM_KINDS = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY")


def pem(rng):
    """A private key's armour around random bytes, as long as short keys are."""
    name = rng.choice(PEM_KINDS)
    body = base64.b64encode(b"\x30\x82" + rng.randbytes(rng.choice((118, 230, 330)))).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {name}-----", *lines, f"-----END {name}-----"])


def pem_value(rng):
    return Value("SECRET", "private_key", pem(rng), ("private_key",), SECRET, shape="block")


SCHEMES = (
    ("postgres", "db.internal:5432/orders"), ("postgresql", "10-0-3-7.db.nordwind.io/app?sslmode=require"), ("mysql", "mysql01:3306/shop"),
    ("mongodb+srv", "cluster0.ab1cd.mongodb.net/main"), ("redis", "cache.nordwind.io:6379/0"), ("amqp", "rabbit:5672/%2F"),
    ("https", "git.nordwind.io/team/repo.git"), ("ftp", "files.contoso.net/in"), ("smtp", "mail.contoso.net:587"), ("ldap", "ldap.corp.contoso.net"),
)


def url_parts(rng):
    """A URL with credentials: what stands before the password, the password, what stands after."""
    scheme, rest = rng.choice(SCHEMES)
    user = "" if scheme == "redis" and rng.random() < 0.5 else rng.choice(("app", "admin", "svc_orders", "root", "deploy"))
    secret_text = password(rng, plain=True)
    if rng.random() < 0.25:
        secret_text += "%40" + pick(rng, ALNUM, 3)
    return f"{scheme}://{user}:", Value("SECRET", "url_password", secret_text), f"@{rest}"


def basic_parts(rng):
    """A basic-auth header: the words, the base64 of user and password, nothing after it."""
    pair = f"{rng.choice(('admin', 'svc-report', 'ana'))}:{password(rng)}"
    name = rng.choice(("Authorization: Basic ", "authorization: Basic ", "Proxy-Authorization: Basic "))
    return name, Value("SECRET", "basic_auth", base64.b64encode(pair.encode()).decode()), ""


def bearer_parts(rng):
    """A bearer header around a token that has no form of its own."""
    name = rng.choice(("Authorization: Bearer ", "authorization: bearer "))
    return name, Value("SECRET", "bearer", drawn(rng, rng.choice(("{a40}", "{u48}", "{x64}", "{a28}")))), ""


def connection_parts(rng):
    """Connection strings of `key=value;` pairs."""
    if rng.random() < 0.5:
        key = Value("SECRET", "azure_storage", drawn(rng, "{b86}=="))
        return "DefaultEndpointsProtocol=https;AccountName=nordwindlogs;AccountKey=", key, ";EndpointSuffix=core.windows.net"
    text = Value("SECRET", "dsn_password", password(rng, plain=True))
    return "Server=sql01.corp.contoso.net;Database=crm;User Id=sa;Password=", text, ";Encrypt=true;"
