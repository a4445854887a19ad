"""[service] and [[service]]: one table or several, and how each unit is asked."""

import json
from pathlib import Path

import pytest

from debwright.config import Address, Config, effective_json, load
from debwright.model.errors import ConfigError

TWO = """
[[service]]
unit = "web"
health_url = "http://127.0.0.1:80/"
[[service]]
unit = "worker"
[service.probe]
command = "workerctl ping"
user = "worker"
"""


def config(directory: Path, text: str) -> Config:
    path = directory / "debwright.toml"
    path.write_text(text)
    return load(path).config


def refusal(directory: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        config(directory, text)
    return caught.value


def test_several_services_the_main_one_first(tmp_path: Path) -> None:
    found = config(tmp_path, TWO)
    assert [s.unit for s in found.service] == ["web.service", "worker.service"]
    assert found.main_service is found.service[0]
    web, worker = (s.asked for s in found.service)
    assert web is not None
    assert worker is not None
    assert web.url == "http://127.0.0.1:80/"
    assert (worker.command, worker.user) == ("workerctl ping", "worker")


def test_one_table_is_a_list_of_one_and_is_shown_as_it_was(tmp_path: Path) -> None:
    """What reads effective-config.json knows `service` as one table, or null."""
    one = config(tmp_path, '[service]\nunit = "web"\nexpect_body = "a"\nhealth_url = "http://x/"\n')
    assert [s.unit for s in one.service] == ["web.service"]
    shown = json.loads(effective_json(one))
    assert shown["service"]["unit"] == "web.service"
    assert Config.model_validate(shown).service == one.service
    assert json.loads(effective_json(config(tmp_path, "")))["service"] is None
    two = json.loads(effective_json(config(tmp_path, TWO)))
    assert [s["unit"] for s in two["service"]] == ["web.service", "worker.service"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[service]\nunit = "x"\nstart_seconds = "5"\n', 3, "service.start_seconds is a text"),
        ('[[service]]\nunit = "x"\n[[service]]\nunit = "y"\nstart_seconds = "5"\n', 5,
         "service[1].start_seconds is a text"),
        ('[service]\nunit = "x"\nhealt_url = "http://x/"\n', 3, "unknown key `healt_url` in [serv"),
        ('[[service]]\nunit = "x"\n[[service]]\nunit = "x.service"\n', 1, "x.service"),
        ('[service]\nunit = "x@"\n', 2, "is a template"),
        ('[service]\nunit = "x"\n[service.probe]\n', 3, "says nothing to ask"),
        ('[service]\nunit = "x"\nprobe = { command = "a", notify = true }\n', 3,
         "says command and notify"),
        ('[service]\nunit = "x"\nprobe = { command = "a", status = 204 }\n', 3,
         "`status` has no effect with command"),
        ('[service]\nunit = "x"\nprobe = { url = "tcp://a:1", credentials = "f" }\n', 3,
         "`credentials` has no effect"),
        ('[service]\nunit = "x"\nprobe = { journal = "(" }\n', 3, "is not a pattern"),
        ('[service]\nunit = "x"\nhealth_url = "http://x/"\nprobe = { command = "a" }\n', 3,
         "both say how"),
    ],
)  # fmt: skip
def test_a_mistake_has_the_path_that_is_written(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    error = refusal(tmp_path, text)
    assert said in error.what
    assert error.evidence[0].line == line
    assert error.fix


def test_a_password_in_a_url_is_refused_and_not_said_again(tmp_path: Path) -> None:
    error = refusal(
        tmp_path, '[service]\nunit = "x"\nhealth_url = "http://user:geheim@127.0.0.1:80/a"\n'
    )
    said = f"{error.what} {error.cause} {error.fix} {error.evidence}"
    assert "geheim" not in said
    assert 'probe = { url = "http://127.0.0.1:80/a", credentials = "FILE" }' in said


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://localhost/", Address(http=True, secure=True, host="localhost")),
        ("http://[::1]:80/", Address(http=True, host="::1", port=80)),
        ("http+unix://%2Frun%2Fx.sock/health", Address(http=True, socket="/run/x.sock")),
        ("tcp://127.0.0.1:6379", Address(http=False, host="127.0.0.1", port=6379)),
        ("unix:///run/x.sock", Address(http=False, socket="/run/x.sock")),
    ],
)
def test_health_urls(url: str, address: Address) -> None:
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "tcp://x", "tcp://x:1/path", "unix://run/x.sock", "unix:///run/../x",
     "http+unix://run%2Fx/", "http:///x", "unix:///" + "a" * 120, "unix:///run/$(x)", "http://$(x)/"],
)  # fmt: skip
def test_what_is_no_health_url(url: str) -> None:
    with pytest.raises(ValueError, match=r""):
        Address.parse(url)
