"""Texts in which nothing may be found: numbers that only look like cards, code that only speaks of passwords.

`TRAPS` are makers of one line each, every one of them a fault that scanners are known for. `PAGES` are whole texts, prose
and code, as they pass a gateway all day. A hit in any of them is an answer spoiled for nothing.

Invariant: every number that has a check digit fails it, or misses the word, length or prefix that would make it real.
"""

import base64
import string
import uuid

import checks
import national
import values
from values import ALNUM, DIGITS, HEX, UPPER, pick

B64 = ALNUM + "+/"


def wrong(text):
    """The same text with its last digit off by one."""
    place = max(place for place, letter in enumerate(text) if letter.isdigit())
    return text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :]


def bad_card(rng):
    return wrong(rng.choice(values.card_makers())(rng).text)


def imei(rng):
    body = rng.choice(("35", "86", "01")) + pick(rng, DIGITS, 12)
    return body + checks.luhn_digit(body)


def isbn(rng):
    body = f"978{rng.choice((0, 1, 3))}{pick(rng, DIGITS, 8)}"
    check = -sum(int(d) * (1, 3)[place % 2] for place, d in enumerate(body)) % 10
    return f"{body[:3]}-{body[3]}-{body[4:6]}-{body[6:12]}-{check}"


def bad_iban(rng):
    text = values.account(rng, rng.choice("DE CH FR NL ES AT".split()))
    text = text[:2] + f"{(int(text[2:4]) + 7) % 90 + 2:02}" + text[4:]
    return text if not checks.iban_ok(text) else wrong(text)


def bad_ssn(rng):
    return rng.choice((f"000-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}", f"666-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}",
                       f"9{rng.randint(10, 99)}-{rng.randint(10, 49)}-{rng.randint(1000, 9999)}", f"{rng.randint(100, 600)}-00-{rng.randint(1000, 9999)}",
                       f"{rng.randint(100, 600)}-{rng.randint(10, 99)}-0000"))


def bad_crypto(rng):
    if rng.random() < 0.3:
        text = checks.eip55(pick(rng, HEX, 40))
        place = next(place for place in range(2, 42) if text[place] in "abcdef")
        return text[:place] + text[place].upper() + text[place + 1 :]
    text = checks.base58check(b"\0" + rng.randbytes(20)) if rng.random() < 0.5 else checks.segwit("bc", 0, rng.randbytes(20))
    return text[:12] + ("q" if text[12] != "q" else "p") + text[13:]


def bad_national(rng):
    word, text = rng.choice((
        ("NPI", wrong(national.npi(rng))), ("PESEL", wrong(national.pesel(rng))), ("Aadhaar", wrong(national.aadhaar(rng))),
        ("TFN", wrong(national.tfn(rng))), ("codice fiscale", national.fiscale(rng)[:-1] + "7"), ("DNI", national.nif(rng)[:-1] + "I"),
        ("Steuer-ID", "11111111111"), ("personnummer", "991332-1234"), ("henkilötunnus", "321350-123A"), ("NRIC", "S12345678"),
    ))
    return f"{word} {text}"


def digest(rng):
    return f"sha256:{pick(rng, HEX, 64)}"


def integrity(rng):
    return "sha512-" + base64.b64encode(rng.randbytes(64)).decode()


def version(rng, top=40):
    return f"{rng.randint(0, 9)}.{rng.randint(0, top)}.{rng.randint(0, top)}"


def fingerprint(rng):
    return ":".join(pick(rng, HEX, 2) for _ in range(16))


def sha(rng):
    return pick(rng, HEX, 40)


def word(rng):
    return rng.choice("ledger parser mailer router broker indexer planner worker".split())


def maybe_uuid(rng):
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


# Name and maker of one line. Lambdas, because a trap is a sentence with a hole.
TRAPS = {
    "order_number": lambda r: f"Your order {r.choice(('4021', '1138', '7702'))}-{pick(r, DIGITS, 7)}-{pick(r, DIGITS, 7)} will ship on Friday.",
    "order_short": lambda r: f"Order #{r.randint(10_000_000, 99_999_999)} (invoice INV-2026-{r.randint(10000, 99999)}) was refunded.",
    "card_bad_luhn": lambda r: f"Reference {bad_card(r)} does not exist.",
    "imei": lambda r: f"IMEI: {imei(r)}, unlocked",
    "imei_json": lambda r: f'{{"imei":"{imei(r)}","model":"X12"}}',
    "isbn": lambda r: f"See ISBN {isbn(r)}, chapter 4.",
    "isbn_10": lambda r: f"ISBN 3-{r.randint(10, 99)}-{r.randint(100000, 999999)}-X (paperback)",
    "ean": lambda r: f"EAN 76{pick(r, DIGITS, 11)} in aisle 7",
    "uuid": lambda r: f"request {maybe_uuid(r)} took 14 ms",
    "uuid_json": lambda r: f'{{"id":"{maybe_uuid(r)}","parent":"{maybe_uuid(r)}"}}',
    "git_sha": lambda r: f"commit {sha(r)}\nAuthor: the build",
    "git_short": lambda r: f"{sha(r)[:9]} Mend the {word(r)}\n{sha(r)[:9]} Add a {word(r)}",
    "integrity": lambda r: f'      "integrity": "{integrity(r)}",',
    "script_tag": lambda r: f'<script src="https://cdn.nordwind.io/a.js" integrity="sha384-{base64.b64encode(r.randbytes(48)).decode()}" crossorigin="anonymous"></script>',
    "go_sum": lambda r: f"golang.org/x/{word(r)} v{version(r)} h1:{base64.b64encode(r.randbytes(32)).decode()}",
    "image_data": lambda r: f"![chart](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA{pick(r, B64, 180)}==)",
    "image_css": lambda r: f".icon{{background:url(data:image/svg+xml;base64,PHN2ZyB4bWxucz0i{pick(r, B64, 120)}=)}}",
    "version_four": lambda r: f"Assembly version {r.randint(1, 12)}.{r.randint(0, 9)}.{r.randint(0, 99)}.{r.randint(0, 255)} is required",
    "version_v": lambda r: f"upgraded from v{r.randint(1, 9)}.{r.randint(0, 30)}.{r.randint(0, 30)}.{r.randint(0, 99)} to v{r.randint(10, 19)}.0.{r.randint(0, 30)}.{r.randint(0, 99)}",
    "user_agent": lambda r: f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{r.randint(110, 140)}.0.{r.randint(0, 250)}.{r.randint(0, 250)} Safari/537.36",
    "package_four": lambda r: f"libfoo-{r.randint(1, 9)}.{r.randint(1, 30)}.{r.randint(1, 30)}.{r.randint(1, 30)}-r0.apk installed",
    "section": lambda r: f"as described in section {r.randint(1, 9)}.{r.randint(1, 20)}.{r.randint(1, 9)}.{r.randint(1, 9)} of the standard",
    "oid": lambda r: f"OID 1.3.6.1.4.1.{r.randint(100, 60000)}.{r.randint(1, 99)}.{r.randint(1, 99)}",
    "oid_short": lambda r: f"extension 2.5.29.{r.randint(14, 37)} (OID) is critical",
    "paths": lambda r: r.choice(("a::b", "e::f::c", "ab::Cd::new()", "std::fs::read", "::std::vec::Vec", "Foo::Bar.baz", "cafe::beans::Roast", "d::a(b)", "use c::d;")) + f" // line {r.randint(1, 99)}",
    "perl": lambda r: f"use List::Util qw(sum); my $n = {word(r).title()}::Base->new({r.randint(1, 99)});",
    "arn": lambda r: f"arn:aws:iam::{pick(r, DIGITS, 12)}:role/{word(r)}",
    "epoch": lambda r: f"ts={r.randint(1_500_000_000, 1_790_000_000)} level=info",
    "epoch_ms": lambda r: f'{{"time":{r.randint(1_500_000_000_000, 1_790_000_000_000)},"took":{r.randint(1, 999)}}}',
    "iso_dates": lambda r: f"between 2026-0{r.randint(1, 9)}-1{r.randint(0, 9)}T0{r.randint(1, 9)}:{r.randint(10, 59)}:00+02:00 and 2026-12-{r.randint(10, 31)}",
    "local_dates": lambda r: f"am {r.randint(10, 28)}.0{r.randint(1, 9)}.2026 um {r.randint(10, 20)}:{r.randint(10, 59)} Uhr, spätestens {r.randint(10, 28)}.12.2026",
    "range": lambda r: f"rows {r.randint(100, 400)}-{r.randint(500, 900)}, pages {r.randint(10, 20)}-{r.randint(21, 30)}, years 2019-2024",
    "price": lambda r: f"${r.randint(1, 9)},{r.randint(100, 999)}.00, CHF {r.randint(1, 9)}'{r.randint(100, 999)}.50, {r.randint(1, 9)}.{r.randint(100, 999)},99 €",
    "thousands": lambda r: f"{r.randint(1, 9)} {r.randint(100, 999)} {r.randint(100, 999)} inhabitants in 2024",
    "coordinates": lambda r: f"{r.uniform(-80, 80):.6f}, {r.uniform(-170, 170):.6f}",
    "coordinates_url": lambda r: f"https://maps.nordwind.io/@{r.uniform(40, 60):.7f},{r.uniform(5, 20):.7f},15z",
    "floats": lambda r: f"[{r.random()!r}, {r.uniform(-9, 9)!r}, {r.uniform(1, 9):.3e}]",
    "tracking_ups": lambda r: f"UPS 1Z{pick(r, DIGITS + UPPER, 6)}{pick(r, DIGITS, 10)} is on its way",
    "tracking_usps": lambda r: f"USPS 94{pick(r, DIGITS, 2)} {pick(r, DIGITS, 4)} {pick(r, DIGITS, 4)} {pick(r, DIGITS, 4)} {pick(r, DIGITS, 4)} {pick(r, DIGITS, 2)}",
    "tracking_dhl": lambda r: f"DHL JJD00{pick(r, DIGITS, 16)} arrived in Leipzig",
    "ssn_impossible": lambda r: f"test record {bad_ssn(r)} rejected",
    "iban_bad": lambda r: f"Invalid account {bad_iban(r)}",
    "crypto_bad": lambda r: f"typo in {bad_crypto(r)}, nothing was sent",
    "tx_hash": lambda r: f"tx 0x{pick(r, HEX, 64)} confirmed",
    "national_bad": lambda r: f"{bad_national(r)} failed its check digit",
    "number_no_word": lambda r: f"batch {national.pesel(r)} of {national.abn(r)} parts, lot {national.steuer(r)}",
    "git_remote": lambda r: f"git clone git@{r.choice(('github.com', 'gitlab.com', 'git.nordwind.io'))}:acme/{word(r)}.git",
    "package_at": lambda r: f"npm i {r.choice(('lodash', 'react', '@types/node', 'left-pad'))}@{version(r)} {word(r)}@next",
    "yarn_lock": lambda r: f'"{word(r)}@^{version(r)}", "{word(r)}@~{version(r)}":\n  version "{version(r)}"',
    "image_at": lambda r: f"image: ghcr.io/acme/{word(r)}@{digest(r)}",
    "action_at": lambda r: f"uses: actions/{word(r)}@v{r.randint(2, 6)}\nuses: acme/{word(r)}@{sha(r)}",
    "host_at": lambda r: f"ssh deploy@web-{r.randint(10, 99)} 'uptime'  # then root@localhost",
    "retina": lambda r: f"![logo](img/{word(r)}@2x.png) and icon@3x.webp, thanks @{word(r)}",
    "decorator": lambda r: f"@app.route('/{word(r)}')\n@pytest.mark.parametrize('n', [{r.randint(1, 9)}])",
    "fingerprint": lambda r: f"MD5 fingerprint {fingerprint(r)}",
    "times": lambda r: f"{r.randint(10, 23)}:{r.randint(10, 59)}:{r.randint(10, 59)} --> {r.randint(10, 23)}:{r.randint(10, 59)}:{r.randint(10, 59)},{r.randint(100, 999)}",
    "zip": lambda r: f"San Francisco, CA 94103-{r.randint(1000, 9999)}; NIST SP 800-53; ISO/IEC 27001:2022; RFC 9110",
    "svg": lambda r: f'<path d="M{r.randint(1, 99)} {r.randint(1, 99)} C {r.randint(1, 99)} {r.randint(1, 99)}, {r.randint(1, 99)} {r.randint(1, 99)}, {r.randint(100, 999)} {r.randint(100, 999)} l-12.5 3.25 0 16"/>',
    "grid": lambda r: "\n".join(" ".join(str(r.randint(100, 999)) for _ in range(5)) for _ in range(3)),
    "resolution": lambda r: f"{r.choice((1920, 2560))}x{r.choice((1080, 1440))} at 59.94 Hz, {r.randint(1000, 9000)}-{r.randint(10, 99)} lm",
    "placeholder": lambda r: r.choice((
        'password = "<your-password>"', "API_KEY=your-api-key-here", 'api_key: "YOUR_API_KEY"', 'token = "xxxxxxxxxxxxxxxxxxxxxxxx"', "password: ********",
        'secret: "${SECRET}"', "DB_PASSWORD=${DB_PASSWORD:?missing}", 'password: "{{ .Values.db.password }}"', 'passwd = "%(passwd)s"', "password=$PASSWORD",
        'OPENAI_API_KEY="sk-..."', f'GITHUB_TOKEN={"ghp_" + "x" * 36}', f'aws_access_key_id = {"AKIA" + "IOSFODNN7" + "EXAMPLE"}', "ANTHROPIC_API_KEY=sk-ant-...", "password: [REDACTED]",
        "postgres://app:${DB_PASSWORD}@db/orders", "https://<user>:<password>@git.nordwind.io/x.git", 'client_secret = "REPLACE_ME"', 'token: "TODO"', "Authorization: Bearer $TOKEN",
        "Authorization: Bearer <token>", 'headers={"Authorization": f"Bearer {token}"}', "Authorization: Basic ${CREDENTIALS}", 'password: ""', "password: null",
    )) + f"\nport = {r.randint(1024, 9999)}",
    "env_lookup": lambda r: r.choice((
        'password = os.environ["DB_PASSWORD"]', "const token = process.env.GITHUB_TOKEN;", 'secret := os.Getenv("CLIENT_SECRET")', 'api_key = ENV.fetch("API_KEY")', "$pass = getenv('DB_PASS');",
        'let key = std::env::var("API_KEY")?;', 'password = config.get("db", "password")', "String password = System.getenv(\"DB_PASSWORD\");", "token: ${{ secrets.GITHUB_TOKEN }}",
        "password = getpass.getpass('Password: ')", "api_key = self.settings.api_key", "const { password, token } = req.body;", "secret = vault.read('secret/data/app')['password']", "password = data.azurerm_key_vault_secret.db.value",
        "apiKey: await secretManager.get('stripe-key')", "token = await this.tokens.refresh(user.id)", "access_token = response.json()['access_token']", "var.db_password", "password: !vault secret/app#password",
    )) + f"  # {word(r)} {r.randint(1, 99)}",
    "types": lambda r: r.choice((
        "interface Login { user: string; password: string; token?: string }", "password: str = Field(min_length=12)", "password VARCHAR(255) NOT NULL,", "def login(user: str, password: str) -> Token:", "pub password: Secret<String>,",
        "password: Optional[SecretStr] = None", "string password = 3;", "private String password;", "@NotBlank String apiKey", "secret: Option<SecretString>", '"password": {"type": "string", "format": "password"}', "password?: never;",
        "token: Token | undefined", "fn check(password: &str, hash: &PasswordHash) -> bool", "ALTER TABLE users ADD COLUMN password_hash TEXT;", "api_key: Annotated[str, Header()]", "typedef struct { char *password; size_t len; } login_t;",
    )) + f"  // v{version(r)}",
    "ui": lambda r: r.choice((
        '"password": "Password", "forgot_password": "Forgot your password?"', '"password_hint": "At least 12 characters"', "Passwort vergessen? Klicken Sie hier.", "<label for=\"password\">Password:</label> <input type=\"password\" name=\"password\" placeholder=\"Enter your password\">",
        "Your password must contain a number and a symbol.", "Le mot de passe est incorrect.", "La contraseña es obligatoria.", "パスワードを入力してください。", "请输入密码。", "비밀번호를 입력하세요.", "Пароль: обязательное поле.", "Password: required", "Invalid password, please try again.",
        '"token_expired": "Your session has expired, please sign in again."', "error.password.too_short=Password is too short", "password is case-sensitive.", "The API key is invalid or was revoked.", "Hasło jest wymagane.", "A senha é obrigatória.", "secret: this field is hidden",
    )) + f" ({r.randint(1, 99)})",
    "prefix_words": lambda r: r.choice((
        "Tokens that start with ghp_ are personal; gho_ ones come from OAuth.", "div.sk-toggleable__content.sk-text-repr-fallback", "from huggingface_hub import hf_hub_download", "npm_config_registry and npm_package_version are set", "sk-learn, re_compile, key-value, api-reference",
        "AKIA is the prefix of long-lived keys, ASIA of short-lived ones.", "eyJ is how a JWT begins, base64 for {\"", "xoxb- tokens belong to bots", "glpat-", "AIza keys are for browsers", "sk-estimator-doc-link.fitted", "Stripe keys begin with sk_live_ or sk_test_.",
    )) + f" See page {r.randint(1, 99)}.",
    "public_key": lambda r: r.choice((
        f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{pick(r, B64, 43)} laptop", f"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE{pick(r, B64, 28)}\n{pick(r, B64, 58)}==\n-----END PUBLIC KEY-----",
        f"-----BEGIN CERTIFICATE-----\nMIIB{pick(r, B64, 60)}\n{pick(r, B64, 64)}\n{pick(r, B64, 42)}==\n-----END CERTIFICATE-----", f"ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB{pick(r, B64, 180)} build",
    )),
    "models": lambda r: f"model: {r.choice(('gpt-4o-2024-08-06', 'claude-sonnet-4-20250514', 'text-embedding-3-large', 'gemini-2.0-flash-001'))}, max_tokens: {r.randint(256, 8192)}, tokenizer: cl100k_base",
    "cache_key": lambda r: f"cache key {word(r)}:{pick(r, HEX, 32)} hit, etag \"{pick(r, HEX, 32)}\"",
    "trace": lambda r: f"traceparent: 00-{pick(r, HEX, 32)}-{pick(r, HEX, 16)}-01",
    "object_id": lambda r: f'{{"_id":{{"$oid":"{pick(r, HEX, 24)}"}},"rev":"3-{pick(r, HEX, 32)}"}}',
    "locators": lambda r: f"postgres://localhost:5432/{word(r)} redis://cache:6379/{r.randint(0, 9)} http://web:8080/healthz s3://bucket/{word(r)}",
    "cargo_lock": lambda r: f'[[package]]\nname = "{word(r)}"\nversion = "{version(r)}"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "{pick(r, HEX, 64)}"',
    "npm_lock": lambda r: f'"node_modules/{word(r)}": {{\n  "version": "{version(r)}",\n  "resolved": "https://registry.npmjs.org/{word(r)}/-/{word(r)}-{version(r)}.tgz",\n  "integrity": "{integrity(r)}"\n}}',
    "minified": lambda r: f"!function(e,t){{var n={r.randint(100, 999)},r=e[{r.randint(0, 9)}];t.exports=function(a){{return a>>>{r.randint(1, 31)}^n*r}}}}(this,module);var p=/^\\d{{3}}-\\d{{4}}$/,q=\"{pick(r, string.ascii_letters, 3)}\";",
    "css": lambda r: f"#{pick(r, HEX, 6)}{{margin:0 0 {r.randint(1, 99)}px -{r.randint(1, 99)}px;color:#{pick(r, HEX, 8)};transition:all .{r.randint(100, 999)}s cubic-bezier(0.4,0,0.2,1)}}@media(min-width:{r.randint(600, 1200)}px){{a{{top:1px}}}}",
    "stack_trace": lambda r: f"java.lang.IllegalStateException: bad state\n\tat com.acme.{word(r)}.Main.run(Main.java:{r.randint(10, 999)})\n\tat java.base/java.lang.Thread.run(Thread.java:{r.randint(100, 999)})\n0x{pick(r, HEX, 12)} in main+0x{pick(r, HEX, 2)}",
    "hexdump": lambda r: f"{r.randint(0, 4095):08x}  {' '.join(pick(r, HEX, 2) for _ in range(8))}  {' '.join(pick(r, HEX, 2) for _ in range(8))}  |........{word(r)[:5]}...|",
    "spreadsheet": lambda r: "\n".join(f"{r.randint(1000, 9999)},{r.randint(10, 99)},{r.uniform(1, 999):.2f},2026-0{r.randint(1, 9)}-{r.randint(10, 28)}" for _ in range(3)),
    "ids": lambda r: f"INV-{r.randint(2020, 2026)}-{r.randint(100000, 999999)}, PO {r.randint(4500000000, 4509999999)}, SKU {pick(r, UPPER, 3)}-{r.randint(1000, 9999)}-{pick(r, UPPER, 2)}, ticket OPS-{r.randint(100, 9999)}",
    "kubernetes": lambda r: f"apiVersion: v1\nkind: Pod\nmetadata:\n  name: {word(r)}-{pick(r, 'bcdfghjkmnpqrstvwxz2456789', 9)}-{pick(r, 'bcdfghjkmnpqrstvwxz2456789', 5)}\n  uid: {maybe_uuid(r)}\n  resourceVersion: \"{r.randint(10_000_000, 99_999_999)}\"\nspec:\n  imagePullSecrets:\n  - name: regcred\n  containers:\n  - image: acme/{word(r)}:{version(r)}\n    env:\n    - name: DB_PASSWORD\n      valueFrom:\n        secretKeyRef: {{name: db, key: password}}",
}

PAGES = (
    "The night train leaves at ten. Bring a blanket, because the heating in the old carriages is a matter of luck, and something to read: there is no signal between the lakes and the border.",
    "Could you summarise the attached minutes in five bullet points? Leave out the discussion about parking, and please keep the tone neutral. The meeting took place on 14 March 2026 and lasted 90 minutes.",
    "We compared three vendors. The first is cheap but slow, the second fast but closed, and the third is what everyone in the room would choose if budget were no object. I suggest a pilot of six weeks with 25 users.",
    "Rust's borrow checker rejects the second call because the first still holds a mutable reference. Move the read before the write, or clone the key; it is 16 bytes, so nobody will notice.",
    "A good password is long, unlike any other, and known to nobody else. Use a password manager. Never send a password by email, and do not write it on a note under the keyboard.",
    "How do I store an API key safely? Put it in a secret manager, pass it through the environment, and rotate it every 90 days. Never commit tokens to git, not even to a private repository.",
    "Der Zug fährt um zehn Uhr ab. Nehmen Sie eine Decke mit, denn die Heizung in den alten Wagen ist Glückssache. Zwischen den Seen und der Grenze gibt es keinen Empfang, also am besten ein Buch einpacken.",
    "Können Sie mir bitte den Unterschied zwischen einer Rechnung und einer Quittung erklären? Ich habe am 3. Mai 2026 zwei Belege über 1.250,00 € erhalten und weiß nicht, welcher für die Steuer zählt.",
    "Das Passwort muss mindestens zwölf Zeichen lang sein und darf nicht in den letzten fünf Passwörtern vorkommen. Ändern Sie es unter Einstellungen, Sicherheit, Anmeldung.",
    "Le conseil municipal a voté le budget hier soir. La rénovation de l'école coûtera 2,4 millions d'euros et durera dix-huit mois, selon l'adjointe aux travaux, qui promet de limiter le bruit.",
    "Pourriez-vous traduire ce paragraphe en anglais courant ? Le mot de passe de la session n'y figure pas, mais le ton doit rester poli et les dates au format jour/mois/année.",
    "La receta lleva 400 g de harina, 250 ml de agua y 7 g de levadura. Amase durante diez minutos, deje reposar la masa una hora y hornee a 220 grados hasta que la corteza esté dorada.",
    "¿Cómo puedo cambiar la contraseña si he olvidado la anterior? El formulario me pide un código que nunca llega, y ya lo he intentado 3 veces desde ayer.",
    "Il treno parte alle dieci. Portate una coperta, perché il riscaldamento nelle vecchie carrozze è questione di fortuna, e un libro: tra i laghi e il confine non c'è campo.",
    "O relatório anual mostra um crescimento de 12,5 % nas vendas, apesar da queda de 3 % no último trimestre. A direção propõe investir 1.200.000 euros em novas máquinas.",
    "De vergadering is verplaatst naar donderdag 16 april om 14:30 uur. Neem de cijfers van het eerste kwartaal mee; we bespreken ook het nieuwe wachtwoordbeleid.",
    "Pociąg odjeżdża o dziesiątej. Proszę zabrać koc, bo ogrzewanie w starych wagonach działa różnie, i książkę: między jeziorami a granicą nie ma zasięgu.",
    "列車は十時に出発します。古い車両の暖房はあてにならないので、毛布を持ってきてください。湖と国境の間は電波が届きませんから、本もあるとよいでしょう。会議は2026年3月14日の15時30分からです。",
    "请帮我把下面这段话翻译成英文，语气要正式一些。会议定于2026年3月14日下午3点30分举行，预计参加人数为120人，预算为45000元。密码请不要写在邮件里。",
    "기차는 열 시에 출발합니다. 오래된 객차의 난방은 운에 맡겨야 하니 담요를 챙기세요. 회의는 2026년 3월 14일 오후 3시 30분에 시작하며 참석자는 45명입니다.",
    "Поезд отправляется в десять часов. Возьмите плед, потому что отопление в старых вагонах работает как повезёт. Бюджет проекта составляет 1 250 000 рублей, срок — 18 месяцев.",
    "Tåget går klockan tio. Ta med en filt, för värmen i de gamla vagnarna är en fråga om tur. Mötet den 14 mars 2026 blev flyttat till sal 204 på plan 3.",
    "Juna lähtee kymmeneltä. Ota peitto mukaan, sillä vanhojen vaunujen lämmitys on onnen kauppaa. Kokous pidettiin 14.3.2026 ja siihen osallistui 45 henkeä.",
    "القطار يغادر في الساعة العاشرة. أحضر بطانية لأن التدفئة في العربات القديمة مسألة حظ، وكتابًا للقراءة. الاجتماع يوم 14 مارس 2026.",
    "def mean(values):\n    \"\"\"Average of a list.\"\"\"\n    if not values:\n        raise ValueError('no values')\n    return sum(values) / len(values)\n\n\nassert mean([1, 2, 3]) == 2\n",
    "package main\n\nimport (\n\t\"fmt\"\n\t\"net/http\"\n)\n\nfunc main() {\n\thttp.HandleFunc(\"/\", func(w http.ResponseWriter, r *http.Request) {\n\t\tfmt.Fprintf(w, \"hello %s\", r.URL.Path)\n\t})\n\thttp.ListenAndServe(\":8080\", nil)\n}\n",
    "use std::collections::HashMap;\n\nimpl Cache {\n    pub fn get(&self, key: &str) -> Option<&Entry> {\n        self.entries.get(key).filter(|entry| entry.expires > self.clock.now())\n    }\n}\n",
    "SELECT u.id, u.name, COUNT(o.id) AS orders, SUM(o.total) AS total\nFROM users u LEFT JOIN orders o ON o.user_id = u.id\nWHERE o.created_at BETWEEN '2026-01-01' AND '2026-03-31' AND u.password_hash IS NOT NULL\nGROUP BY u.id HAVING COUNT(o.id) > 10 ORDER BY total DESC LIMIT 100;",
    "public class Parser {\n    private final Lexer lexer;\n    private Token token;\n\n    Parser(Lexer lexer) { this.lexer = lexer; this.token = lexer.next(); }\n\n    boolean accept(TokenType type) {\n        if (token.type != type) return false;\n        token = lexer.next();\n        return true;\n    }\n}\n",
    "const sum = (a, b) => a + b;\nexport async function load(url, { retries = 3, token } = {}) {\n  const response = await fetch(url, { headers: token ? { authorization: `Bearer ${token}` } : {} });\n  if (!response.ok && retries > 0) return load(url, { retries: retries - 1, token });\n  return response.json();\n}\n",
    "resource \"aws_db_instance\" \"main\" {\n  engine            = \"postgres\"\n  engine_version    = \"16.3\"\n  username          = var.db_user\n  password          = random_password.db.result\n  allocated_storage = 100\n  tags = { Name = \"orders\", Owner = \"platform\" }\n}\n",
    "services:\n  web:\n    image: nginx:1.27-alpine\n    ports: [\"8080:80\", \"8443:443\"]\n    environment:\n      - LOG_LEVEL=debug\n      - DB_PASSWORD_FILE=/run/secrets/db_password\n    secrets: [db_password]\nsecrets:\n  db_password:\n    file: ./db_password.txt\n",
    "#!/bin/sh\nset -eu\nfor file in src/*.c; do\n  cc -O2 -Wall -c \"$file\" -o \"build/$(basename \"$file\" .c).o\"\ndone\n: \"${TOKEN:?set TOKEN first}\"\ncurl -fsS -H \"Authorization: Bearer $TOKEN\" https://api.nordwind.io/v2/status | jq -r '.items[] | .name'\n",
    "Traceback (most recent call last):\n  File \"/srv/app/main.py\", line 214, in <module>\n    run(sys.argv[1:])\n  File \"/srv/app/main.py\", line 187, in run\n    return handlers[command](*rest)\nKeyError: 'sync'\n",
    "thread 'main' panicked at src/lib.rs:42:17:\nindex out of bounds: the len is 3 but the index is 3\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/std/src/panicking.rs:665:5\n   1: core::panicking::panic_fmt\n",
    "| quarter | revenue | change |\n|---|---:|---:|\n| Q1 2025 | 1,204,300 | +4.1 % |\n| Q2 2025 | 1,310,050 | +8.8 % |\n| Q3 2025 | 1,298,770 | -0.9 % |\n\nThe dip in Q3 has two causes: fewer working days, and the move.",
    "# Changelog\n\n## 2.14.1 - 2026-03-14\n- Fix a crash when `token` is empty (#4821)\n- Raise the limit from 100 to 250 items\n\n## 2.14.0 - 2026-02-28\n- Add `--json` to `report`\n- Drop support for Python 3.8\n",
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sign in</title></head>\n<body><form method=\"post\" action=\"/login\"><label>User <input name=\"user\" autocomplete=\"username\"></label><label>Password <input type=\"password\" name=\"password\" autocomplete=\"current-password\"></label><button>Sign in</button></form></body></html>\n",
    "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Orders\",\"version\":\"2.1.0\"},\"components\":{\"securitySchemes\":{\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\",\"bearerFormat\":\"JWT\"},\"key\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"X-API-Key\"}}}}",
    "Theorem 4.2.1. Let G be a finite group of order 2^n · 3. Then G has a normal subgroup of index 2 or 3. Proof. Count the Sylow subgroups: their number is odd and divides 3, hence 1 or 3. ∎",
    "Patient instructions: take one tablet of 500 mg twice daily for 7 days. Do not exceed 3 g in 24 hours. If symptoms last longer than 10 days, see a doctor. Keep below 25 °C.",
    "Article 6(1)(f) GDPR allows processing for legitimate interests. Recital 47 names fraud prevention as an example. The controller must document the balancing test before 25 May of each year.",
    "ingredient,grams,kcal\nflour,400,1456\nwater,250,0\nyeast,7,23\nsalt,8,0\nolive oil,15,133\n",
    "hey, are we still on for tonight? I'm running about 15 min late, grab a table near the window if u can :) same place as in 2023, the one with 40 kinds of dumplings lol",
    "SIN(x) and COS(x) are computed with a table of 4096 entries; the error stays below 1e-7. Put the pan on the stove, add oil, and note that the fin of the heat sink gets hot.",
)


# A word that announces a national id, and numbers that would be one beside it: neither gets company.
ALONE = ("national_bad", "number_no_word")


def lookalikes(rng, count):
    """`count` texts without anything to find: pages, single traps, and several traps in one text."""
    texts = [("page", page) for page in PAGES]
    deck = values.Deck(rng, sorted(TRAPS))
    while len(texts) < count:
        name = deck.deal()
        lines = [TRAPS[name](rng)]
        company = [deck.deal() for _ in range(rng.choice((0, 0, 1, 2, 3)))]
        if name not in ALONE:
            lines += [TRAPS[other](rng) for other in company if other not in ALONE]
            lines += [rng.choice(PAGES)] if rng.random() < 0.25 else []
        texts.append((name, "\n".join(lines)))
    return texts
