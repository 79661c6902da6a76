"""How personal data look on a screen that does not need all of it."""


def mask_name(name: str) -> str:
    """王小明 → 王**."""
    return name[:1] + "*" * (len(name) - 1) if len(name) > 1 else name and "*"


def mask_phone(phone: str) -> str:
    """13812345678 → 138****5678."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 8 else "*" * len(phone)


def mask_address(address: str) -> str:
    """The first six characters (district and road) stay; door numbers do not."""
    return address[:6] + "*" * min(max(len(address) - 6, 0), 8)
