"""A text as it stands in a TOML file."""

import json


def toml_text(text: str) -> str:
    """Quote a text for TOML, so that quotes of SQL in it stand as they are where that can be."""
    if '"' in text and text.isprintable() and not text.endswith("'"):
        if "'" not in text:
            return f"'{text}'"
        if "'''" not in text:
            return f"'''{text}'''"
    # JSON's escapes are TOML's, but for DEL
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
