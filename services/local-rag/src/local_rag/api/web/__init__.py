"""The web page: plain HTML, CSS and JavaScript, without a build step and without a CDN."""

from pathlib import Path

STATIC = Path(__file__).with_name("static")
