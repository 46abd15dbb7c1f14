"""Personal data that never belonged to anyone: numbers with valid check digits, drawn from a seeded generator.

Each maker returns `Value`s of one type in all the forms in which people write them. Every value carries the words that
announce it, per language, and the field names under which programs keep it; a national id is only labelled because one
of these words stands near it.

Not here: credentials (`credentials`), sentences (`surroundings`).
"""

import string
from dataclasses import dataclass, field

import checks

DIGITS = string.digits
UPPER = string.ascii_uppercase
LOWER = string.ascii_lowercase
HEX = "0123456789abcdef"
ALNUM = string.ascii_letters + DIGITS


@dataclass(frozen=True)
class Value:
    """One labelled value: what it is, how it is written, and the words that announce it."""

    type: str
    kind: str
    text: str
    keys: tuple = ()
    words: dict = field(default_factory=dict)
    bare: bool = True  # is it recognisable without a word that announces it?
    shape: str = "one"  # `block` for values of several lines


class Deck:
    """Deals every item once before it deals one twice, so that no kind is left out by chance."""

    def __init__(self, rng, items):
        self.rng, self.items, self.left = rng, list(items), []

    def deal(self):
        if not self.left:
            self.left = self.items[:]
            self.rng.shuffle(self.left)
        return self.left.pop()


def pick(rng, alphabet, count):
    return "".join(rng.choice(alphabet) for _ in range(count))


def fill(rng, pattern):
    """`#` becomes a digit, `%` a digit from 2 to 9; everything else stays."""
    return "".join(rng.choice(DIGITS) if c == "#" else rng.choice("23456789") if c == "%" else c for c in pattern)


def groups(text, sizes, separator):
    parts, start = [], 0
    for size in sizes:
        parts.append(text[start : start + size])
        start += size
    return separator.join(part for part in parts + [text[start:]] if part)


# ---- cards and accounts

CARD = {
    "en": "card number", "de": "Kreditkarte", "fr": "carte bancaire", "es": "tarjeta", "it": "carta di credito",
    "pt": "cartão", "nl": "creditcard", "pl": "karta", "ja": "カード番号", "zh": "信用卡号", "ko": "카드 번호", "ru": "номер карты",
}
BRANDS = (
    ("visa", ("4",), 16), ("visa", ("4",), 16), ("visa_19", ("4",), 19), ("visa_13", ("4",), 13),
    ("mastercard", ("51", "52", "53", "54", "55"), 16), ("mastercard_2", ("2221", "2229", "2300", "2542", "2699", "2720"), 16),
    ("amex", ("34", "37"), 15), ("discover", ("6011", "644", "649", "65"), 16), ("diners", ("300", "305", "36", "38"), 14),
    ("jcb", ("3528", "3566", "3589"), 16), ("unionpay", ("6221", "6225", "6250"), 16), ("unionpay_19", ("6221", "6282"), 19),
    ("maestro", ("5018", "6759", "6763"), 16), ("mir", ("2200", "2204"), 16),
)
CARD_GROUPS = {13: (4, 3, 3, 3), 14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4), 19: (4, 4, 4, 4, 3)}


def card_makers():
    def maker(brand, starts, length, separator):
        def make(rng):
            body = rng.choice(starts)
            body += pick(rng, DIGITS, length - 1 - len(body))
            text = groups(body + checks.luhn_digit(body), CARD_GROUPS[length], separator)
            return Value("CREDIT_CARD", brand, text, ("card_number", "credit_card", "pan", "cardNumber"), CARD)
        return make

    separators = (" ", "-", "", " ", "-", "")
    makers = [maker(*brand, separator) for brand in BRANDS for separator in separators[:3]]
    makers += [maker(*brand, "\u00a0") for brand in BRANDS[:2]]
    return makers


IBAN = {
    "en": "IBAN", "de": "IBAN", "fr": "IBAN", "es": "IBAN", "it": "IBAN", "pt": "IBAN", "nl": "IBAN", "pl": "IBAN",
    "ja": "IBAN番号", "zh": "银行账号IBAN", "ko": "계좌 IBAN", "ru": "счёт IBAN",
}
# Country and the shape of its account part: n digits, a capitals, c either.
ACCOUNTS = dict(
    pair.split(":")
    for pair in (
        "AD:8n12c AE:19n AL:8n16c AT:16n AZ:4a20c BA:16n BE:12n BG:4a6n8c BH:4a14c BR:23n1a1c CH:5n12c CR:18n CY:8n16c "
        "CZ:20n DE:18n DK:14n DO:4c20n EE:16n EG:25n ES:20n FI:14n FO:14n FR:10n11c2n GB:4a14n GE:2a16n GI:4a15c GL:14n "
        "GR:7n16c GT:4c20c HR:17n HU:24n IE:4a14n IL:19n IS:22n IT:1a10n12c JO:4a4n18c KW:4a22c KZ:3n13c LB:4n20c LI:5n12c "
        "LT:16n LU:3n13c LV:4a13c MC:10n11c2n MD:2c18c ME:18n MK:3n10c2n MT:4a5n18c MU:4a19n3a NL:4a10n NO:11n PK:4a16c "
        "PL:24n PS:4a21c PT:21n QA:4a21c RO:4a16c RS:18n SA:2n18c SE:20n SI:15n SK:20n SM:1a10n12c TN:20n TR:5n1n16c "
        "UA:6n19c VA:3n15n VG:4a16n XK:16n"
    ).split()
)


def account(rng, country):
    shape, text, count = ACCOUNTS[country], "", ""
    for letter in shape:
        if letter.isdigit():
            count += letter
            continue
        # Banks issue mostly digits even where letters are allowed.
        alphabet = {"n": DIGITS, "a": UPPER, "c": DIGITS * 3 + UPPER}[letter]
        text, count = text + pick(rng, alphabet, int(count)), ""
    return checks.iban(country, text)


def iban_makers():
    def maker(country, form):
        def make(rng):
            text = account(rng, country)
            text = {
                "grouped": groups(text, [4] * 8, " "), "compact": text, "lower": text.lower(),
                "lower_grouped": groups(text.lower(), [4] * 8, " "), "dashed": groups(text, [4] * 8, "-"),
            }[form]
            return Value("IBAN", f"iban_{country}", text, ("iban", "bank_account", "iban_number"), IBAN)
        return make

    makers = [maker(country, form) for country in ACCOUNTS for form in ("grouped", "compact")]
    makers += [maker(country, "lower") for country in ("DE", "CH", "FR", "NL", "GB", "AT")]
    return makers + [maker(c, f) for c in ("DE", "IT", "ES") for f in ("lower_grouped", "dashed")]


SSN = {
    "en": "SSN", "de": "US-Sozialversicherungsnummer (SSN)", "fr": "SSN américain", "es": "SSN", "it": "SSN", "pt": "SSN",
    "nl": "SSN", "pl": "SSN", "ja": "SSN番号", "zh": "社会安全号码SSN", "ko": "SSN 번호", "ru": "номер SSN",
}


def ssn_makers():
    def maker(separator):
        def make(rng):
            area = rng.choice([n for n in range(1, 900) if n != 666])
            text = separator.join((f"{area:03}", f"{rng.randint(1, 99):02}", f"{rng.randint(1, 9999):04}"))
            return Value("US_SSN", "ssn", text, ("ssn", "social_security_number"), SSN, bare=separator == "-")
        return make

    return [maker("-"), maker("-"), maker("-"), maker(" "), maker("")]


# ---- reaching people and machines

PHONE = {
    "en": "phone", "de": "Tel.", "fr": "tél.", "es": "teléfono", "it": "telefono", "pt": "telefone", "nl": "telefoon",
    "pl": "telefon", "ja": "電話番号", "zh": "电话", "ko": "전화번호", "ru": "телефон",
}
# Region, country code, national number in its usual groups, trunk prefix. `|` separates groups.
PLANS = (
    ("US", "1", ("212|%3#|####", "415|%6#|####", "312|%4#|####", "702|%3#|####"), ""),
    ("CA", "1", ("416|%6#|####", "604|%4#|####"), ""),
    ("GB", "44", ("20|794#|####", "161|496|0###", "784#|######", "741#|######"), "0"),
    ("DE", "49", ("30|2#######", "89|4#######", "151|2#######", "170|%######", "176|%#######"), "0"),
    ("FR", "33", ("1|42|%#|##|##", "6|12|##|##|##", "7|61|##|##|##"), "0"),
    ("CH", "41", ("44|668|##|##", "79|%##|##|##", "78|%##|##|##", "22|730|##|##"), "0"),
    ("AT", "43", ("664|%######", "676|%######"), "0"),
    ("IT", "39", ("02|%###|####", "06|%###|####", "333|%##|####", "347|%##|####"), ""),
    ("ES", "34", ("91|%##|##|##", "612|##|##|##", "655|###|###"), ""),
    ("NL", "31", ("6|2###|####", "20|%##|####"), "0"),
    ("BE", "32", ("2|5##|##|##", "470|##|##|##", "485|##|##|##"), "0"),
    ("PL", "48", ("22|6##|##|##", "501|###|###", "602|###|###"), ""),
    ("SE", "46", ("70|%##|##|##", "73|%##|##|##"), "0"),
    ("NO", "47", ("412|##|###", "915|##|###"), ""),
    ("DK", "45", ("20|##|##|##", "31|##|##|##"), ""),
    ("FI", "358", ("40|%##|####", "50|%##|####"), "0"),
    ("PT", "351", ("912|###|###", "21|3##|####"), ""),
    ("IE", "353", ("87|%##|####", "1|6##|####"), "0"),
    ("CZ", "420", ("602|###|###", "224|###|###"), ""),
    ("HU", "36", ("20|%##|####", "30|%##|####"), "06"),
    ("RO", "40", ("722|###|###", "744|###|###"), "0"),
    ("GR", "30", ("694|###|####", "210|3##|####"), ""),
    ("TR", "90", ("532|%##|##|##", "212|2##|##|##"), "0"),
    ("RU", "7", ("916|%##|##|##", "495|%##|##|##"), "8"),
    ("UA", "380", ("50|%##|##|##", "67|%##|##|##"), "0"),
    ("IN", "91", ("98###|#####", "97###|#####"), "0"),
    ("AU", "61", ("412|###|###", "2|9%##|####"), "0"),
    ("NZ", "64", ("21|%##|###", "9|3##|####"), "0"),
    ("JP", "81", ("90|%###|####", "80|%###|####", "3|3###|####"), "0"),
    ("CN", "86", ("138|####|####", "186|####|####"), ""),
    ("KR", "82", ("10|%###|####", "2|7##|####"), "0"),
    ("SG", "65", ("91##|####", "62##|####"), ""),
    ("HK", "852", ("93##|####", "25##|####"), ""),
    ("BR", "55", ("11|98###|####", "21|99###|####"), ""),
    ("MX", "52", ("55|5###|####", "33|3###|####"), ""),
    ("AR", "54", ("11|4###|####",), "0"),
    ("ZA", "27", ("82|%##|####", "21|4##|####"), "0"),
    ("IL", "972", ("50|%##|####", "54|%##|####"), "0"),
    ("AE", "971", ("50|%##|####", "4|3##|####"), "0"),
    ("SA", "966", ("50|%##|####",), "0"),
)
US_LIKE = ("US", "CA")


def phone_forms(region, code, parts, trunk):
    """Every way in which one number is commonly written, and whether the form speaks for itself."""
    digits, spaced = "".join(parts), " ".join(parts)
    yield "e164", f"+{code}{digits}", True
    yield "plus_spaces", f"+{code} {spaced}", True
    yield "plus_dashes", f"+{code}-{'-'.join(parts)}", True
    yield "plus_dots", f"+{code}.{'.'.join(parts)}", True
    yield "plus_brackets", f"+{code} ({parts[0]}) {' '.join(parts[1:])}", True
    yield "double_zero", f"00{code} {spaced}", False
    if trunk == "0":
        yield "plus_trunk", f"+{code} (0){spaced}", True
        yield "plus_trunk_spaced", f"+{code} (0) {spaced}", True
    if region in US_LIKE:
        yield "brackets", f"({parts[0]}) {parts[1]}-{parts[2]}", True
        yield "brackets_tight", f"({parts[0]}){parts[1]}-{parts[2]}", True
        yield "dashes", "-".join(parts), True
        yield "dots", ".".join(parts), True
        yield "one_dashes", "1-" + "-".join(parts), True
        yield "spaces", spaced, False
        yield "compact", digits, False
    else:
        first = trunk + parts[0]
        yield "national_spaces", " ".join((first, *parts[1:])), False
        yield "national_dashes", "-".join((first, *parts[1:])), False
        yield "national_compact", trunk + digits, False
        if trunk == "0":
            yield "national_brackets", f"({first}) {' '.join(parts[1:])}", False
            yield "national_slash", f"{first}/{' '.join(parts[1:])}", False


def phone_makers():
    def maker(plan, form):
        region, code, shapes, trunk = plan

        def make(rng):
            parts = fill(rng, rng.choice(shapes)).split("|")
            for name, text, bare in phone_forms(region, code, parts, trunk):
                if name == form:
                    return Value("PHONE", f"{region}_{form}", text, ("phone", "mobile", "tel", "phone_number"), PHONE, bare)
            raise LookupError(form)
        return make

    def forms(plan):
        region, code, shapes, trunk = plan
        return [name for name, _, _ in phone_forms(region, code, shapes[0].split("|"), trunk)]

    return [maker(plan, form) for plan in PLANS for form in forms(plan)]


EMAIL = {
    "en": "email", "de": "E-Mail", "fr": "courriel", "es": "correo", "it": "e-mail", "pt": "e-mail", "nl": "e-mail",
    "pl": "e-mail", "ja": "メールアドレス", "zh": "邮箱", "ko": "이메일", "ru": "почта",
}
FIRST = "ana bo chen dilara emil fatima goran hanna ivo julia kenji lea mika noor olga pavel quentin rosa sven tara".split()
LAST = "acker brandt costa duval eriksen ferrari garcia huber ito jansen keller lind moreau novak okafor petrov ricci".split()
HOSTS = "nordwind.io blauhaus.de lagunes.fr helvetia-media.ch acmecorp.com contoso.net mail.ricci.it sub.dept.uni-koeln.de".split()
HOSTS += "studio.photography team.dev labs.ai shop.online kanzlei.berlin alpen.swiss data.cloud foundry.technology".split()
HOSTS += "xn--mnchen-3ya.de post.xn--p1ai xn--bcher-kva.example-shop.com a1.co.uk kaisha.co.jp empresa.com.br gov.sg".split()


def email_makers():
    def maker(form):
        def make(rng):
            first, last = rng.choice(FIRST), rng.choice(LAST)
            local = {
                "dot": f"{first}.{last}", "short": first[0] + last, "plus": f"{first}+{last}{rng.randint(1, 99)}",
                "under": f"{first}_{last}", "digits": f"{first}{rng.randint(10, 9999)}", "dash": f"{first}-{last}",
                "upper": f"{first.title()}.{last.title()}", "role": rng.choice(["billing", "no-reply", "hr.team", "x"]),
                "loud": f"{first}.{last}".upper(), "percent": f"{first}%{last}", "long": f"{first}.{last}.{first}.{last}.archive",
            }[form]
            host = rng.choice(HOSTS)
            text = f"{local}@{host.upper() if form == 'loud' and 'xn--' not in host else host}"
            return Value("EMAIL", f"email_{form}", text, ("email", "mail_to", "contact", "userEmail"), EMAIL)
        return make

    return [maker(form) for form in "dot short plus under digits dash upper role loud percent long".split()]


IP = {
    "en": "IP address", "de": "IP-Adresse", "fr": "adresse IP", "es": "dirección IP", "it": "indirizzo IP",
    "pt": "endereço IP", "nl": "IP-adres", "pl": "adres IP", "ja": "IPアドレス", "zh": "IP地址", "ko": "IP 주소", "ru": "IP-адрес",
}


def ip_makers():
    def group(rng):
        return f"{rng.randint(0x10, 0xFFFF):x}"

    def public(rng):
        return f"{rng.choice([23, 34, 51, 62, 81, 93, 104, 130, 145, 178, 185, 212])}." + ".".join(
            str(rng.randint(1, 254)) for _ in range(3)
        )

    forms = {
        "v4": public,
        "v4_private": lambda rng: rng.choice(["10.{}.{}.{}", "192.168.{1}.{2}", "172.16.{1}.{2}"]).format(
            rng.randint(1, 254), rng.randint(1, 254), rng.randint(2, 254)
        ),
        "v6_full": lambda rng: "2a00:" + ":".join(group(rng).zfill(4) for _ in range(7)),
        "v6_plain": lambda rng: "2606:" + ":".join(group(rng) for _ in range(7)),
        "v6_short": lambda rng: f"2a02:{group(rng)}:{group(rng)}::{group(rng)}",
        "v6_tail": lambda rng: f"2a01:4f8:{group(rng)}:{group(rng)}::1",
        "v6_link": lambda rng: f"fe80::21b:{rng.randint(16, 255):x}ff:fe{rng.randint(16, 255):x}:{group(rng)}",
        "v6_mapped": lambda rng: f"::ffff:{public(rng)}",
        "v6_upper": lambda rng: f"2A03:{group(rng)}:{group(rng)}::{group(rng)}".upper(),
    }

    def maker(kind, form):
        return lambda rng: Value("IP_ADDRESS", kind, form(rng), ("ip", "client_ip", "remote_addr", "ip_address"), IP)

    return [maker("v4", public)] * 4 + [maker(kind, form) for kind, form in forms.items()]


MAC = {
    "en": "MAC address", "de": "MAC-Adresse", "fr": "adresse MAC", "es": "dirección MAC", "it": "indirizzo MAC",
    "pt": "endereço MAC", "nl": "MAC-adres", "pl": "adres MAC", "ja": "MACアドレス", "zh": "MAC地址", "ko": "MAC 주소", "ru": "MAC-адрес",
}


def mac_makers():
    def maker(kind, write):
        def make(rng):
            # The first byte of a card's own address is even; letters keep it from being a list of numbers.
            octets = [f"{rng.choice((0x00, 0x3C, 0xA4, 0xB8, 0xDC, 0xF0)):02x}", "1b"] + [pick(rng, HEX, 2) for _ in range(4)]
            return Value("MAC_ADDRESS", kind, write(octets), ("mac", "mac_address", "hwaddr"), MAC)
        return make

    return [
        maker("colons", ":".join), maker("colons_upper", lambda o: ":".join(o).upper()),
        maker("dashes_upper", lambda o: "-".join(o).upper()), maker("dashes", "-".join),
        maker("dots", lambda o: groups("".join(o), (4, 4, 4), ".")),
    ]


CRYPTO = {
    "en": "wallet address", "de": "Wallet-Adresse", "fr": "adresse du portefeuille", "es": "dirección de la billetera",
    "it": "indirizzo del wallet", "pt": "endereço da carteira", "nl": "walletadres", "pl": "adres portfela",
    "ja": "ウォレットアドレス", "zh": "钱包地址", "ko": "지갑 주소", "ru": "адрес кошелька",
}


def crypto_makers():
    def versioned(version):
        return lambda rng: checks.base58check(bytes([version]) + rng.randbytes(20))

    forms = {
        "btc_p2pkh": versioned(0x00), "btc_p2sh": versioned(0x05),
        "btc_bech32": lambda rng: checks.segwit("bc", 0, rng.randbytes(20)),
        "btc_bech32_long": lambda rng: checks.segwit("bc", 0, rng.randbytes(32)),
        "btc_bech32m": lambda rng: checks.segwit("bc", 1, rng.randbytes(32)),
        "btc_bech32_upper": lambda rng: checks.segwit("bc", 0, rng.randbytes(20)).upper(),
        "eth": lambda rng: checks.eip55(pick(rng, HEX, 40)),
        "eth_again": lambda rng: checks.eip55(pick(rng, HEX, 40)),
        "ltc": versioned(0x30), "ltc_p2sh": versioned(0x32), "ltc_bech32": lambda rng: checks.segwit("ltc", 0, rng.randbytes(20)),
        "doge": versioned(0x1E), "dash": versioned(0x4C), "trx": versioned(0x41),
    }

    def maker(kind, form):
        return lambda rng: Value("CRYPTO_ADDRESS", kind, form(rng), ("wallet", "wallet_address", "payout_address"), CRYPTO)

    return [maker(kind, form) for kind, form in forms.items()]
