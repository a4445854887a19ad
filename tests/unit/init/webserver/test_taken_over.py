"""What of an author's nginx.conf or Caddyfile a package has."""

from pathlib import Path

import pytest

from debwright.init.model import Guess
from debwright.init.webserver import Taken, take_over

PORT = Guess(value="8080", seen=None)


def over(directory: Path, name: str, text: str) -> tuple[Taken | None, str]:
    (directory / name).parent.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(text)
    server = "caddy" if "Caddyfile" in name else "nginx"
    return take_over(directory, server, "/usr/share/pages", PORT, "pages")


def taken(directory: Path, name: str, text: str) -> Taken:
    found, _ = over(directory, name, text)
    assert found is not None
    return found


def test_a_server_of_a_container(tmp_path: Path) -> None:
    """The pages are elsewhere, the port is free; all else is the author's."""
    found = taken(tmp_path, "nginx.conf", """\
server {
    listen 80 default_server;
    server_name localhost;   # nobody else
    add_header X-Frame-Options "DENY; always" always;
    location / {
        root /usr/share/nginx/html;
        try_files $uri $uri/ /index.html;
    }
    location ~* \\.(?:css|js)$ { expires 30d; }
    location /img { alias /usr/share/nginx/html/pictures/; }
    location = /50x.html { root /srv/errors; }
}
""")  # fmt: skip
    assert (
        found.text
        == """\
# nginx.conf of the project; /etc/nginx/sites-enabled has a link to this file.
server {
    listen 8080;
    listen [::]:8080;
    root /usr/share/pages;
    server_name localhost;
    add_header X-Frame-Options "DENY; always" always;
    location / {
        root /usr/share/pages;
        try_files $uri $uri/ /index.html;
    }
    location ~* \\.(?:css|js)$ {
        expires 30d;
    }
    location /img {
        alias /usr/share/pages/pictures/;
    }
    location = /50x.html {
        root /srv/errors;
    }
}
"""
    )
    assert (found.port, found.left_out, found.note) == (None, (), "")


def test_a_whole_configuration_with_tls(tmp_path: Path) -> None:
    """What `http` of Debian's nginx has itself would be there twice."""
    found, note = over(tmp_path, "nginx/nginx.conf", """\
user nginx;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    sendfile on;
    gzip on;
    etag off;
    map $uri $kept { default 1; }
    server { listen 80; return 301 https://$host$request_uri; }
    server {
        listen 443 ssl http2;
        listen 9443;
        ssl_certificate /etc/letsencrypt/live/x/fullchain.pem;
        include snippets/ssl.conf;
        brotli on;
        etag on;
        access_log /logs/a.log main;
        root /var/www/pages/dist;
        location /api/ { proxy_pass http://backend:3000; proxy_set_header Host $host; }
        location /live/ { proxy_pass http://127.0.0.1:3000; }
    }
}
""")  # fmt: skip
    assert found is not None
    assert (
        found.text
        == """\
# nginx/nginx.conf of the project; /etc/nginx/sites-enabled has a link to this file.
map $uri $kept {
    default 1;
}
server {
    listen 9443;
    listen [::]:9443;
    gzip on;
    etag on;
    root /usr/share/pages;
    location /live/ {
        proxy_pass http://127.0.0.1:3000;
    }
}
"""
    )
    assert found.port == Guess(value="9443", seen="nginx/nginx.conf:12")
    assert "location /api/" in found.left_out
    assert note.startswith("nginx/nginx.conf is taken over without its other servers, ssl_cert")


@pytest.mark.parametrize(
    "text",
    ["server { listen 80; location / { proxy_pass http://a; } }", "server {", "}", "{{ x }}", "",
     "server { listen 80; return 301 https://a; }"],
)  # fmt: skip
def test_no_site_of_files_is_named(tmp_path: Path, text: str) -> None:
    found, note = over(tmp_path, "nginx.conf", text)
    assert found is None
    assert "nginx.conf has no site of files" in note
    assert "debian/site/pages" in note


def test_an_address_that_a_template_fills_in(tmp_path: Path) -> None:
    found = taken(
        tmp_path, "nginx.conf", "server { listen ${NGINX_PORT}; root /x; index $INDEX; etag on; }"
    )
    assert "listen 8080;" in found.text
    assert "$INDEX" not in found.text
    assert "etag on;" in found.text


def test_a_site_of_caddy(tmp_path: Path) -> None:
    """Its name needs a certificate, which each machine gets of its own."""
    found, note = over(tmp_path, "Caddyfile", """\
{
	email ada@example.org
}
(headers) {
	header X-Frame-Options DENY
}
www.example.org {
	redir https://example.org{uri}
}
example.org, example.com {
	root * /srv/pages/public
	encode zstd gzip   # both
	import headers
	tls ada@example.org
	log {
		output file /var/log/caddy/a.log
	}
	handle /old/* {
		root * /srv/pages/public/old
		file_server
	}
	file_server
}
""")  # fmt: skip
    assert found is not None
    assert (
        found.text
        == """\
# Caddyfile of the project.
{
	admin off
}

(headers) {
	header X-Frame-Options DENY
}
:8080 {
	root * /usr/share/pages
	encode zstd gzip
	import headers
	handle /old/* {
		root * /usr/share/pages/old
		file_server
	}
	file_server
}
"""
    )
    assert note == (
        "Caddyfile is taken over without its other sites, tls, log: they depend on the machine"
    )


@pytest.mark.parametrize(
    ("text", "port", "root"),
    [
        (":9090 {\n\tfile_server\n}\n", "9090", "root * /usr/share/pages"),
        ("localhost:2015\nroot * public\nfile_server browse\n", "2015", "root * /usr/share/pages"),
        ("http://localhost:9090 {\n  root ./site\n  file_server\n}\n", "9090",
         "root * /usr/share/pages"),
        (":{$PORT} {\n root * /srv\n file_server\n}\n", "8080", "root * /usr/share/pages"),
        ("example.org\nfile_server\n", "8080", "root * /usr/share/pages"),
    ],
)  # fmt: skip
def test_ways_to_write_a_site(tmp_path: Path, text: str, port: str, root: str) -> None:
    found = taken(tmp_path, "Caddyfile", text)
    assert f":{port} {{\n" in found.text
    assert root in found.text


@pytest.mark.parametrize("text", ["a.example {\n\treverse_proxy b:80\n}\n", "}", "a {\n", ""])
def test_a_caddyfile_without_files(tmp_path: Path, text: str) -> None:
    found, note = over(tmp_path, "Caddyfile", text)
    assert found is None
    assert "debian/site/Caddyfile" in note
