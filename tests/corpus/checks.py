"""Check digits and checksums, written from their public definitions.

The corpus must not borrow the detectors' own arithmetic: a fault shared by both would measure as perfection. So this
file is a second implementation, in another language, and `generate.py --self-test` holds it against published examples.

Not here: where values stand in a text (`surroundings`), and what a detector should do about them.
"""

import hashlib

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def luhn_sum(digits):
    total = 0
    for place, digit in enumerate(reversed(digits)):
        n = int(digit)
        if place % 2 == 1:
            n = n * 2 - 9 if n > 4 else n * 2
        total += n
    return total


def luhn_ok(digits):
    return luhn_sum(digits) % 10 == 0


def luhn_digit(body):
    return str(-luhn_sum(body + "0") % 10)


def mod97(text):
    return int("".join(str(int(letter, 36)) for letter in text)) % 97


def iban_ok(text):
    plain = text.replace(" ", "").replace("-", "").upper()
    return mod97(plain[4:] + plain[:4]) == 1


def iban(country, bban):
    return f"{country}{98 - mod97(bban + country + '00'):02}{bban}"


def weighted(digits, weights):
    return sum(int(digit) * weight for digit, weight in zip(digits, weights))


# ---- national numbers: `…_ok` takes the bare characters, `…_digit` the characters before the check character


def npi_ok(digits):
    return len(digits) == 10 and digits[0] in "12" and luhn_ok("80840" + digits)


def npi_digit(body):
    return luhn_digit("80840" + body)


def nhs_digit(body):
    """The tenth digit, or None where the rule says that the number is not issued."""
    rest = 11 - weighted(body, range(10, 1, -1)) % 11
    return None if rest == 10 else str(rest % 11)


def nhs_ok(digits):
    return len(digits) == 10 and nhs_digit(digits[:9]) == digits[9]


NIF = "TRWAGMYFPDXBNJZSQVHLCKE"


def nif_letter(body):
    """The letter of a Spanish NIF (eight digits) or NIE (X, Y or Z and seven digits)."""
    return NIF[int(body.translate(str.maketrans("XYZ", "012"))) % 23]


def pesel_digit(body):
    return str(-weighted(body, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10)


def pesel_ok(digits):
    return len(digits) == 11 and pesel_digit(digits[:10]) == digits[10]


def steuer_digit(body):
    """ISO 7064, MOD 11,10."""
    product = 10
    for digit in body:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def steuer_ok(digits):
    counts = sorted(digits[:10].count(digit) for digit in set(digits[:10]))
    one_repeats = counts[-1] in (2, 3) and (len(counts) == 1 or counts[-2] == 1)
    return len(digits) == 11 and digits[0] != "0" and one_repeats and steuer_digit(digits[:10]) == digits[10]


VERHOEFF = [[(i + j) % 5 if j < 5 else (i + j) % 5 + 5 for j in range(10)] for i in range(5)]
VERHOEFF += [[(i - j) % 5 + 5 if j < 5 else (i - j) % 5 for j in range(10)] for i in range(5, 10)]
SHUFFLE = [list(range(10)), [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
while len(SHUFFLE) < 8:
    SHUFFLE.append([SHUFFLE[1][n] for n in SHUFFLE[-1]])


def verhoeff(digits):
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = VERHOEFF[check][SHUFFLE[place % 8][int(digit)]]
    return check


def verhoeff_digit(body):
    return next(digit for digit in "0123456789" if verhoeff(body + digit) == 0)


def tfn_ok(digits):
    return len(digits) == 9 and weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def abn_ok(digits):
    weights = (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)
    return len(digits) == 11 and (weighted(digits, weights) - 10) % 89 == 0


def nric_letter(body):
    """The last letter of a Singapore NRIC or FIN, from its first letter and seven digits."""
    rest = weighted(body[1:], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(body[0], 0)
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "M": "XWUTRQPNJLK"}.get(body[0], "XWUTRQPNMLK")
    return letters[rest % 11]


FISCALE_ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (1, 0, 5, 7, 9, 13, 15, 17, 19, 21) * 2
        + (2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
    )
)


def fiscale_letter(body):
    total = sum(FISCALE_ODD[letter] for letter in body[::2])
    total += sum(int(letter) if letter.isdigit() else ord(letter) - 65 for letter in body[1::2])
    return chr(65 + total % 26)


def hetu_letter(day, serial):
    return "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(day + serial) % 31]


# ---- crypto addresses


def base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = BASE58[rest] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def twice_sha256(data):
    return hashlib.sha256(hashlib.sha256(data).digest()).digest()


def base58check(data):
    return base58(data + twice_sha256(data)[:4])


def base58check_ok(text):
    number = 0
    for letter in text:
        number = number * 58 + BASE58.index(letter)
    data = number.to_bytes(25, "big")
    return twice_sha256(data[:21])[:4] == data[21:]


def bech32_polymod(values):
    check = 1
    for value in values:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check


def spread(prefix):
    return [ord(letter) >> 5 for letter in prefix] + [0] + [ord(letter) & 31 for letter in prefix]


def segwit(prefix, version, program):
    """A native segwit address: bech32 for version 0, bech32m for all others."""
    bits = int.from_bytes(program, "big") << (-len(program) * 8 % 5)
    count = -(-len(program) * 8 // 5)
    data = [version] + [bits >> 5 * place & 31 for place in reversed(range(count))]
    constant = 0x2BC830A3 if version else 1
    check = bech32_polymod(spread(prefix) + data + [0] * 6) ^ constant
    data += [check >> 5 * (5 - place) & 31 for place in range(6)]
    return prefix + "1" + "".join(BECH32[value] for value in data)


def segwit_ok(text):
    prefix, _, data = text.lower().rpartition("1")
    values = [BECH32.index(letter) for letter in data]
    return bech32_polymod(spread(prefix) + values) == (0x2BC830A3 if values[0] else 1)


MASK = (1 << 64) - 1


def keccak_permute(lanes):
    lfsr = 1
    for _ in range(24):
        columns = [lanes[x][0] ^ lanes[x][1] ^ lanes[x][2] ^ lanes[x][3] ^ lanes[x][4] for x in range(5)]
        for x in range(5):
            right = columns[(x + 1) % 5]
            mix = columns[x - 1] ^ ((right << 1 | right >> 63) & MASK)
            lanes[x] = [lane ^ mix for lane in lanes[x]]
        x, y, current = 1, 0, lanes[1][0]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            turn = (step + 1) * (step + 2) // 2 % 64
            current, lanes[x][y] = lanes[x][y], (current << turn | current >> (64 - turn)) & MASK
        for y in range(5):
            row = [lanes[x][y] for x in range(5)]
            for x in range(5):
                lanes[x][y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5])
        for bit in range(7):
            lfsr = (lfsr << 1 ^ (lfsr >> 7) * 0x71) % 256
            if lfsr & 2:
                lanes[0][0] ^= 1 << ((1 << bit) - 1)


def keccak256(data):
    """Keccak-256 as Ethereum uses it: the padding of the contest, not that of SHA-3."""
    rate = 136
    padded = bytearray(data + b"\x01" + b"\0" * (-(len(data) + 1) % rate))
    padded[-1] |= 0x80
    lanes = [[0] * 5 for _ in range(5)]
    for block in range(0, len(padded), rate):
        for lane in range(rate // 8):
            start = block + lane * 8
            lanes[lane % 5][lane // 5] ^= int.from_bytes(padded[start : start + 8], "little")
        keccak_permute(lanes)
    return b"".join(lanes[lane % 5][lane // 5].to_bytes(8, "little") for lane in range(4))


def eip55(address):
    """The mixed-case form of forty hex digits."""
    plain = address.lower()
    digest = keccak256(plain.encode()).hex()
    return "0x" + "".join(
        letter.upper() if int(nibble, 16) >= 8 else letter for letter, nibble in zip(plain, digest)
    )


# ---- published examples


def self_test():
    """Hold every function against examples from the standards or the issuers' own pages."""
    ibans = ("GB82WEST12345698765432", "DE89 3704 0044 0532 0130 00", "FR14 2004 1010 0505 0001 3M02 606")
    assert all(iban_ok(text) for text in ibans + ("CH93 0076 2011 6238 5295 7", "NO93 8601 1117 947"))
    assert not iban_ok("GB82WEST12345698765433") and iban("GB", "WEST12345698765432") == ibans[0]
    assert all(luhn_ok(card) for card in ("4111111111111111", "378282246310005", "5555555555554444"))
    assert luhn_ok("6011111111111117") and not luhn_ok("4111111111111112") and luhn_digit("411111111111111") == "1"
    assert npi_ok("1234567893") and npi_digit("123456789") == "3"
    assert nhs_ok("9434765919") and not nhs_ok("9434765918")
    assert nif_letter("12345678") == "Z" and nif_letter("X1234567") == "L"
    assert pesel_ok("44051401359") and not pesel_ok("44051401358")
    assert steuer_ok("86095742719") and steuer_ok("65929970489") and not steuer_ok("65929970488")
    assert verhoeff_digit("236") == "3" and verhoeff("999941057058") == 0
    assert tfn_ok("123456782") and not tfn_ok("123456783")
    assert abn_ok("51824753556") and not abn_ok("51824753557")
    assert nric_letter("S1234567") == "D" and nric_letter("T1234567") == "J"
    assert nric_letter("F1234567") == "N" and nric_letter("G1234567") == "X"
    assert luhn_ok("046454286")
    assert fiscale_letter("RSSMRA85T10A562") == "S" and fiscale_letter("MRTMTT91D08F205") == "J"
    assert luhn_ok("8112289874") and hetu_letter("131052", "308") == "T"
    assert base58check_ok("1BoatSLRHtKNngkdXEeobR76b53LETtpyT")
    assert base58check(bytes(21)) == "1111111111111111111114oLvT2"
    program = bytes.fromhex("751e76e8199196d454941c45d1b3a323f1433bd6")
    assert segwit("bc", 0, program) == "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    taproot = "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"
    point = bytes.fromhex("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    assert segwit("bc", 1, point) == taproot and segwit_ok(taproot) and not segwit_ok(taproot[:-1] + "q")
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    long = keccak256(b"a" * 200), keccak256(b"a" * 201)
    assert long[0] != long[1] and len(long[0]) == 32
    for address in ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"):
        assert eip55(address[2:]) == address
