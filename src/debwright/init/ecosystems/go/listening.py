"""How Go's programs say where they listen: net/http, gin, echo, chi, fiber, flags, variables."""

import re

from debwright.init.listening import HOST, OTHERS, VALUE, VARIABLE, Language

_NAMES = r"[\w.-]*(?:listen|addr|bind|http|serve|web|host|endpoint)[\w.-]*"

LANGUAGE = Language(
    listens=re.compile(
        r"\bListenAndServe(?:TLS)?\(|\bnet\.Listen(?:TCP|UDP|Packet)?\(|\.Listen(?:TLS)?\(|"
        r"\.ListenPacket\(|\bhttp\.Serve\(|\br(?:outer)?\.Run\(|\be(?:cho)?\.Start(?:TLS)?\(|"
        r"\b(?:engine|app|srv|server)\.(?:Run|Start)\(\s*[\"':]|ListenConfig\{"
    ),
    serves=re.compile(
        r'"net/http"|gin-gonic/gin"|labstack/echo|gofiber/fiber|valyala/fasthttp"|go-chi/chi'
    ),
    addresses=(
        re.compile(rf'\.Strings?(?:Var)?P?\(\s*(?:&[\w.]+\s*,\s*)?"(?i:{_NAMES})"\s*,\s*'
                   rf'(?:"\w?"\s*,\s*)?"{VALUE}"'),
        re.compile(rf'Flag\(\s*"(?i:{_NAMES})"[^\n]*(?:\n\s*)?[^\n]*Default\(\s*"{VALUE}"'),
        re.compile(rf'(?:ListenAndServe(?:TLS)?|Listen(?:TCP|UDP|Packet|TLS)?|Run|Start(?:TLS)?)\('
                   rf'\s*(?:[\w.()]+\s*,\s*)?(?:"(?:tcp|udp)[46]?"\s*,\s*)?"{VALUE}"'),
        re.compile(rf'\bAddr:\s*"{VALUE}"'),
        re.compile(rf'\w*(?i:env)\w*\(\s*"{VARIABLE}"\s*,\s*"(?P<value>{HOST}:?\d{{2,5}})"'),
        re.compile(rf'env:"{VARIABLE}[^"]*"[^\n`]*(?:envDefault|default):"(?P<value>{HOST}:?\d{{2,5}})"'),
        re.compile(r'\.(?:Int|Uint|Uint16)(?:Var)?P?\(\s*(?:&[\w.]+\s*,\s*)?"(?i:[\w.-]*port)"\s*,\s*'
                   r'(?:"\w?"\s*,\s*)?(?P<value>\d{2,5})\b'),
        re.compile(r'\.String(?:Var)?P?\(\s*(?:&[\w.]+\s*,\s*)?"(?i:[\w.-]*port)"\s*,\s*'
                   r'(?:"\w?"\s*,\s*)?"(?P<value>:?\d{2,5})"'),
        re.compile(rf'(?:Getenv|LookupEnv)\(\s*"{VARIABLE}"\s*\)[^`]{{0,200}}?'
                   rf'"(?P<value>{HOST}:?\d{{2,5}})"'),
        re.compile(rf'SetDefault\(\s*"(?i:[\w.-]*(?:port|addr|listen|bind)\w*)"\s*,\s*'
                   rf'"?(?P<value>{HOST}:?\d{{2,5}})"?'),
        re.compile(rf'(?i:\b\w*(?:listen|addr|bind)\w*)\s*(?:string\s*)?(?::?=|:)\s*"{VALUE}"'),
        re.compile(rf'(?i:\b\w*port)\w*\s*(?:\w+\s*)?(?::?=|:)\s*"?(?P<value>:?{OTHERS}\d{{2,5}})\b'),
        re.compile(rf'"(?P<value>{HOST}:{OTHERS}\d{{2,5}})"'),
    ),
    hosts=(
        re.compile(r'"(?P<host>[0-9.]*|localhost|\[::1?\]):(?:%[dsv]|"\s*\+)'),
        re.compile(r'"(?i:[\w.-]*(?:host|bind|addr\w*|ip|interface))"\s*,\s*(?:"\w?"\s*,\s*)?'
                   r'"(?P<host>[0-9]+\.[0-9.]+|localhost|::1?)"'),
    ),
    variable=re.compile(rf'(?:Getenv|LookupEnv)\(\s*"(?P<env>{VARIABLE})"'),
    loops=re.compile(r"\btime\.(?:NewTicker|Tick)\(|\bfor\s*\{[^}]*time\.Sleep\("),
    subcommand=re.compile(r'Use:\s*"(?P<name>serve|server|start|run|daemon|web)\b'),
    settings=re.compile(r'\.String(?:Var)?P?\(\s*(?:&[\w.]+\s*,\s*)?"(?P<flag>[\w.-]*conf[\w.-]*)"\s*,\s*'
                        r'(?:"\w?"\s*,\s*)?"(?P<value>[\w./-]+)"'),
    embeds=re.compile(r"//go:embed\b"),
    version_flag=re.compile(r'\.(?:Bool\w*|Flag)\(\s*(?:&[\w.]+\s*,\s*)?"version"|"--version"|\bVersion:\s|\.Version\('),
    help_flag=re.compile(r'"flag"|spf13/(?:cobra|pflag)"|urfave/cli|kingpin|jessevdk/go-flags|go-arg"|alecthomas/kong'),
    routes=re.compile(
        r'\.(?:HandleFunc|Handle|GET|Get)\(\s*"(?:GET )?(?P<path>/[^"\s]*)"'
    ),
)  # fmt: skip
