"""How Rust's programs say where they listen: axum, actix, warp, rocket, tiny_http, hyper, clap."""

import re

from debwright.init.listening import HOST, OTHERS, VALUE, VARIABLE, Language

_OCTETS = r"\[\s*(?P<host>\d+\s*,\s*\d+\s*,\s*\d+\s*,\s*\d+)\s*\]\s*,\s*(?P<port>\d{2,5})"

LANGUAGE = Language(
    listens=re.compile(
        r"\b(?:Tcp|Udp|Unix)Listener::bind|\bUdpSocket::bind|\bServer::(?:bind|http|https|new)\b|"
        r"\bHttpServer::new|\bwarp::serve\b|\brocket::build\b|\brocket::ignite\b|#\[(?:rocket::)?launch\]|"
        r"\bserver::Server::builder\(|\brouille::start_server|\bServer::builder\(\)"
    ),
    serves=re.compile(
        r"\b(?:axum|actix_web|warp|rocket|tiny_http|hyper|poem|salvo|tide|rouille|gotham)\b|HTTP/1\.[01]"
    ),
    addresses=(
        re.compile(rf'default_value(?:_t)?\s*=\s*"{VALUE}"'),
        re.compile(rf'(?:bind|http|https|start_server|run|listen|serve)\(\s*&?"{VALUE}"'),
        re.compile(rf'\b(?:bind|run|serve|from|bind_auto_h2c)\(\s*\(\s*{_OCTETS}'),
        re.compile(r'bind(?:_auto_h2c)?\(\s*\(\s*"(?P<host>[0-9.]+|localhost)"(?:\.\w+\(\))?\s*,\s*(?P<port>\d{2,5})'),
        re.compile(r"Ipv4Addr::new\((?P<host>\s*\d+\s*,\s*\d+\s*,\s*\d+\s*,\s*\d+\s*)\)[^;]{0,80}?,\s*(?P<port>\d{2,5})\b"),
        re.compile(r"Ipv4Addr::(?P<host>LOCALHOST|UNSPECIFIED)[^;]{0,60}?,\s*(?P<port>\d{2,5})\b"),
        re.compile(rf'var(?:_os)?\(\s*"{VARIABLE}"\s*\)[^;]{{0,250}}?"(?P<value>{HOST}:?\d{{2,5}})"'),
        re.compile(rf'var(?:_os)?\(\s*"{VARIABLE}"\s*\)[^;]{{0,250}}?unwrap_or(?:_else)?\((?:\|_\|\s*)?(?P<value>\d{{2,5}})\b'),
        re.compile(r'default_value_t\s*=\s*(?P<value>\d{2,5})\b'),
        re.compile(r'default_value\s*=\s*"(?P<value>\d{4,5})"'),
        re.compile(rf'"{VALUE}"\s*\.(?:parse|to_socket_addrs)'),
        re.compile(rf'(?i:\b\w*(?:listen|addr|bind)\w*)\s*(?::\s*[&\'\w]+(?:\s*str)?\s*)?=\s*"{VALUE}"'),
        re.compile(rf'(?i:\b\w*port)\w*\s*(?::\s*\w+\s*)?[:=]\s*(?P<value>{OTHERS}\d{{4,5}})\b'),
        re.compile(rf'"(?P<value>{HOST}:{OTHERS}\d{{2,5}})"'),
    ),
    hosts=(
        re.compile(r'"(?P<host>[0-9.]+|localhost|\[::1?\]):\{'),
        re.compile(r"\[\s*(?P<host>\d+\s*,\s*\d+\s*,\s*\d+\s*,\s*\d+)\s*\]"),
        re.compile(r'\(\s*"(?P<host>[0-9]+\.[0-9.]+|localhost)"\s*,'),
        re.compile(r'default_value\s*=\s*"(?P<host>[0-9]+\.[0-9.]+|localhost)"'),
        re.compile(r"Ipv4Addr::(?P<host>LOCALHOST|UNSPECIFIED)"),
    ),
    variable=re.compile(rf'var(?:_os)?\(\s*"(?P<env>{VARIABLE})"'),
    routes=re.compile(
        r'(?:\.route\(|web::resource\(|#\[get\(|\.at\(|\.service\(\s*web::resource\()\s*"(?P<path>/[^"\s<{:*]*)"'
    ),
    loops=re.compile(r"\bloop\s*\{[^;]*(?:;[^;]*){0,30}?\bsleep\(|tokio::time::interval\("),
    subcommand=re.compile(r"^\s*(?P<name>Serve|Server|Start|Run|Daemon)\s*(?:[{(,]|$)", re.M),
    settings=re.compile(
        r'#\[(?:arg|clap|structopt)\([^\]]*\blong\s*,[^\]]*\bdefault_value\s*=\s*'
        r'"(?P<value>[\w./-]+\.(?:toml|ya?ml|json|conf|ini))"[^\]]*\]\s*(?:pub\s+)?(?P<flag>\w+)\s*:'
    ),
    embeds=re.compile(r"\binclude_(?:str|bytes|dir)!|#\[folder\b"),
    version_flag=re.compile(r"#\[(?:command|clap)\([^)\]]*\bversion\b|crate_version!|\"--version\"|\bargh\b.*version"),
    help_flag=re.compile(r"\bderive\([^)]*\b(?:Parser|StructOpt|FromArgs|Bpaf)\b|clap::(?:Command|App)|\"--help\""),
    dashes=True,
    anywhere="127.0.0.1",
)  # fmt: skip

ROCKET_PORT = "8000"
"""Where Rocket listens on 127.0.0.1 when nothing says otherwise (its guide, "Configuration")."""
