"""Images as PNG files and as data URLs."""

from __future__ import annotations

import base64
import io

from PIL import Image


def png(image: Image.Image) -> bytes:
    """Returns an image as a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def data_url(content: bytes) -> str:
    """Returns a PNG file as a data URL, a link that contains the file."""
    return "data:image/png;base64," + base64.b64encode(content).decode("ascii")
