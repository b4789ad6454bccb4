"""Check digits: what tells a card or account number from an order number."""


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B: payment cards."""
    total = 0
    for n, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + n % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban(text: str) -> bool:
    """ISO 13616 (mod 97 is 1); `text` without spaces, in upper case."""
    moved = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def german_tax_id(digits: str) -> bool:
    """Eleven digits, ISO 7064 mod 11,10; of the first ten exactly one occurs twice or three times."""
    counts = sorted((digits[:10].count(digit) for digit in set(digits[:10])), reverse=True)
    if digits[0] == "0" or counts[0] not in (2, 3) or counts[1] != 1:
        return False
    product = 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def spanish_dni(text: str) -> bool:
    """Eight digits and the letter that follows from them."""
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(text[:8]) % 23] == text[8]


def french_nir(digits: str) -> bool:
    """Thirteen digits and a key of two: 97 minus their remainder."""
    return 97 - int(digits[:13]) % 97 == int(digits[13:15])


def us_social_security(digits: str) -> bool:
    """No check digit; the ranges that were never given out are known."""
    return digits[:3] not in ("000", "666") and digits[0] != "9" and digits[3:5] != "00" and digits[5:] != "0000"
