async def measure(many: int) -> dict[str, object]:
    return {}
