"""National numbers with valid check digits, and the words that announce them in English and at home.

Invariant: a number is never `bare`. Ten digits that pass a check are not a health number until a word nearby says so.
"""

from datetime import date, timedelta

import checks
from values import DIGITS, UPPER, Value, groups, pick


def born(rng, first=1940, last=2005):
    return date(first, 1, 1) + timedelta(days=rng.randint(0, (last - first) * 365))


def search(rng, make, ok):
    """Draws until the rule is met; every rule here is met by at least one number in a few hundred."""
    while True:
        text = make(rng)
        if ok(text):
            return text


def itin(rng):
    middle = rng.choice([n for n in range(50, 100) if n not in (66, 67, 68, 69, 89, 93)])
    return f"9{pick(rng, DIGITS, 2)}{middle}{pick(rng, DIGITS, 4)}"


def npi(rng):
    body = rng.choice("12") + pick(rng, DIGITS, 8)
    return body + checks.npi_digit(body)


def nhs(rng):
    body = search(rng, lambda r: r.choice("4679") + pick(r, DIGITS, 8), checks.nhs_digit)
    return body + checks.nhs_digit(body)


def nino(rng):
    def prefix(r):
        return r.choice("ABCEGHJKLMNOPRSTWXYZ") + r.choice("ABCEGHJKLMNPRSTWXYZ")

    barred = ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
    return search(rng, prefix, lambda p: p not in barred) + pick(rng, DIGITS, 6) + rng.choice("ABCD")


def nif(rng):
    body = pick(rng, DIGITS, 8)
    return body + checks.nif_letter(body)


def nie(rng):
    body = rng.choice("XYZ") + pick(rng, DIGITS, 7)
    return body + checks.nif_letter(body)


def pesel(rng):
    day = born(rng)
    body = f"{day.year % 100:02}{day.month + (20 if day.year >= 2000 else 0):02}{day.day:02}{pick(rng, DIGITS, 4)}"
    return body + checks.pesel_digit(body)


def steuer(rng):
    def make(r):
        chosen = r.sample(DIGITS, 9)
        chosen.append(r.choice(chosen))
        r.shuffle(chosen)
        body = "".join(chosen)
        return body + checks.steuer_digit(body)

    # Three equal digits in a row are not issued.
    return search(rng, make, checks.steuer_ok)


def aadhaar(rng):
    body = rng.choice("23456789") + pick(rng, DIGITS, 10)
    return body + checks.verhoeff_digit(body)


def pan(rng):
    return pick(rng, UPPER, 3) + rng.choice("PPPCHF") + rng.choice(UPPER) + pick(rng, DIGITS, 4) + rng.choice(UPPER)


def tfn(rng):
    return search(rng, lambda r: r.choice("1234568") + pick(r, DIGITS, 8), checks.tfn_ok)


def abn(rng):
    return search(rng, lambda r: r.choice("123456789") + pick(r, DIGITS, 10), checks.abn_ok)


def nric(series):
    def make(rng):
        body = rng.choice(series) + pick(rng, DIGITS, 7)
        return body + checks.nric_letter(body)
    return make


def sin(rng):
    body = rng.choice("1234567") + pick(rng, DIGITS, 7)
    return body + checks.luhn_digit(body)


def fiscale(rng):
    day = born(rng)
    consonants = "BCDFGLMNPRSTVZ"
    body = pick(rng, consonants, 6) + f"{day.year % 100:02}" + "ABCDEHLMPRST"[day.month - 1]
    body += f"{day.day + rng.choice((0, 40)):02}" + rng.choice("ABCDEFGHIL") + f"{rng.randint(100, 980):03}"
    return body + checks.fiscale_letter(body)


def personnummer(rng):
    body = f"{born(rng, 1945, 1999):%y%m%d}{rng.randint(1, 989):03}"
    return body + checks.luhn_digit(body)


def hetu(rng):
    day, serial = born(rng), f"{rng.randint(2, 899):03}"
    sign = "A" if day.year >= 2000 else "-"
    return f"{day:%d%m%y}{sign}{serial}" + checks.hetu_letter(f"{day:%d%m%y}", serial)


# Kind, maker, group sizes of the written forms (a form is sizes and a separator), field names, words by language.
NATIONAL = (
    ("us_itin", itin, (((3, 2, 4), "-"), ((3, 2, 4), " "), ((), "")), ("itin", "taxpayer_itin"),
     {"en": "ITIN", "es": "ITIN", "zh": "ITIN"}),
    ("us_npi", npi, (((), ""),), ("npi", "provider_npi", "npi_number"), {"en": "NPI"}),
    ("uk_nhs", nhs, (((3, 3, 4), " "), ((), ""), ((3, 3, 4), "-")), ("nhs_number", "nhs_no", "nhsNumber"), {"en": "NHS number"}),
    ("uk_nino", nino, (((2, 2, 2, 2, 1), " "), ((), "")), ("nino", "national_insurance_number"),
     {"en": "National Insurance number"}),
    ("es_nif", nif, (((), ""), ((8, 1), "-")), ("nif", "dni", "numero_nif"), {"en": "NIF", "es": "DNI"}),
    ("es_nie", nie, (((), ""), ((1, 7, 1), "-")), ("nie", "numero_nie"), {"en": "NIE", "es": "NIE"}),
    ("pl_pesel", pesel, (((), ""),), ("pesel", "numer_pesel"), {"en": "PESEL", "pl": "PESEL"}),
    ("de_tax_id", steuer, (((), ""), ((2, 3, 3, 3), " ")), ("steuer_id", "tax_id", "steueridentifikationsnummer"),
     {"en": "German tax ID", "de": "Steuer-ID"}),
    ("in_aadhaar", aadhaar, (((4, 4, 4), " "), ((), ""), ((4, 4, 4), "-")), ("aadhaar", "aadhaar_number"), {"en": "Aadhaar"}),
    ("in_pan", pan, (((), ""),), ("pan_number", "pan_card"), {"en": "PAN card"}),
    ("au_tfn", tfn, (((3, 3, 3), " "), ((), "")), ("tfn", "tax_file_number"), {"en": "tax file number"}),
    ("au_abn", abn, (((2, 3, 3, 3), " "), ((), "")), ("abn", "abn_number"), {"en": "ABN"}),
    ("sg_nric", nric("ST"), (((), ""),), ("nric", "nric_no"), {"en": "NRIC", "zh": "身份证NRIC"}),
    ("sg_fin", nric("FGM"), (((), ""),), ("fin", "fin_number"), {"en": "FIN number"}),
    ("ca_sin", sin, (((3, 3, 3), " "), ((3, 3, 3), "-"), ((), "")), ("sin", "social_insurance_number"),
     {"en": "social insurance number", "fr": "numéro d'assurance sociale"}),
    ("it_codice_fiscale", fiscale, (((), ""),), ("codice_fiscale", "cod_fiscale"), {"en": "codice fiscale", "it": "codice fiscale"}),
    ("se_personnummer", personnummer, (((6, 4), "-"), ((), "")), ("personnummer", "pnr_personnummer"),
     {"en": "Swedish personal identity number", "sv": "personnummer"}),
    ("fi_hetu", hetu, (((), ""),), ("hetu", "henkilotunnus"), {"en": "Finnish personal identity code", "fi": "henkilötunnus"}),
)
SECOND_WORDS = {
    "us_npi": "provider NPI", "uk_nhs": "NHS no.", "uk_nino": "NINO", "au_tfn": "TFN", "ca_sin": "SIN", "in_pan": "PAN",
    "de_tax_id": "Steueridentifikationsnummer", "au_abn": "Australian Business Number", "se_personnummer": "personnummer",
    "fi_hetu": "HETU", "it_codice_fiscale": "Italian tax code", "sg_nric": "NRIC no.", "us_itin": "taxpayer ITIN",
    "es_nif": "Spanish DNI", "in_aadhaar": "Aadhaar card no.", "sg_fin": "FIN", "es_nie": "NIE number", "pl_pesel": "PESEL number",
}


def national_makers():
    def maker(kind, make, form, keys, words):
        def write(rng):
            sizes, separator = form
            said = dict(words)
            if rng.random() < 0.4:
                said["en"] = SECOND_WORDS[kind]
            return Value("NATIONAL_ID", kind, groups(make(rng), sizes, separator), keys, said, bare=False)
        return write

    return [maker(kind, make, form, keys, words) for kind, make, forms, keys, words in NATIONAL for form in forms]
