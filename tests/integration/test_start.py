"""S1 to S8, R4.3 to R4.5, D1, SPEC 13.15: starting, or saying in one line why not."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat

import pytest

from support.clock import eventually
from support.gateway import CLIENT_KEY, Gateway, config, dump, run
from support.upstream import free_port, ok

MINIMAL = """\
host: 127.0.0.1
port: {port}
api-keys:
  - ck-minimal-12345678
"""


def refused(tmp_path, text, *args, env=None, name="config.yaml", **write):
    """Runs with that configuration; it must exit 1 with one line on stderr. Returns the line."""
    path = tmp_path / name
    path.write_text(text)
    done = run(*(args or ("--config", str(path))), cwd=tmp_path, env=env)
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.strip().splitlines()
    assert lines and all(l.startswith("cliproxyapi++: ") for l in lines), done.stderr
    assert "listening" not in done.stdout
    return done.stderr


# -- S1 ----------------------------------------------------------------------------------------


def test_S1_missing_config(tmp_path):
    done = run("--config", "nowhere.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert str(tmp_path / "nowhere.yaml") in done.stderr, "the absolute path"
    assert len(done.stderr.strip().splitlines()) == 1


def test_S1_missing_default_config(tmp_path):
    done = run(cwd=tmp_path)
    assert done.returncode == 1
    assert str(tmp_path / "config.yaml") in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads any file")
def test_S1_unreadable_config(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(MINIMAL.format(port=0))
    path.chmod(0)
    done = run("--config", str(path))
    assert done.returncode == 1
    assert str(path) in done.stderr and "denied" in done.stderr.lower()


def test_R4_2_config_is_a_directory(tmp_path):
    (tmp_path / "config.yaml").mkdir()
    done = run("--config", str(tmp_path / "config.yaml"))
    assert done.returncode == 1
    assert str(tmp_path / "config.yaml") in done.stderr and "directory" in done.stderr


# -- S2 ----------------------------------------------------------------------------------------


def test_S2_syntax_error(tmp_path):
    text = MINIMAL.format(port=0) + "tls:\n  enable: [true\nhost: x\n"
    message = refused(tmp_path, text)
    assert re.search(re.escape(str(tmp_path / "config.yaml")) + r":\d+:\d+", message), message
    assert "minimal-12345678" not in message


def test_S2_syntax_error_does_not_show_secrets(tmp_path):
    message = refused(
        tmp_path,
        "api-keys: [ck-secret-abcdefgh\nport: 1\n"
        "claude-api-key:\n - api-key: 'sk-secret-abcdefgh\n",
    )
    assert "abcdefgh" not in message, message


def test_S2_a_tab_as_indent(tmp_path):
    message = refused(tmp_path, "host: 127.0.0.1\ntls:\n\tenable: true\n")
    assert re.search(r"config\.yaml:3:\d+", message), message


@pytest.mark.parametrize(
    "text",
    ["", "# only a comment\n", "- a\n- list\n", "just words\n"],
    ids=["empty", "comment", "list", "scalar"],
)
def test_S2_not_a_mapping(tmp_path, text):
    """An empty file has no keys for clients and binds everywhere: refused like any other."""
    message = refused(tmp_path, text)
    assert str(tmp_path / "config.yaml") in message or "api-keys" in message


def test_S2_duplicate_key(tmp_path):
    message = refused(tmp_path, MINIMAL.format(port=0) + "port: 9\n")
    assert "port" in message and re.search(r":5:\d+", message), message


# -- S3 ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, key",
    [
        ("port: abc", "port"),
        ("port: 70000", "port"),
        ("port: -1", "port"),
        ("port: 1.5", "port"),
        ("debug: perhaps", "debug"),
        ("api-keys: {a: b}", "api-keys"),
        ("tls: 7", "tls"),
        ("limits: {body-size: lots}", "body-size"),
        ("limits: {body-size: -5}", "body-size"),
        ("upstream: {connect-timeout: soon}", "connect-timeout"),
        ("upstream: {connect-timeout: -1s}", "connect-timeout"),
        ("client: {idle-timeout: [1]}", "idle-timeout"),
        ("workers: -2", "workers"),
        ("openai-compatibility: nope", "openai-compatibility"),
        ("claude-api-key: [{api-key: sk-some-12345678, weight: 1.5}]", "weight"),
        ("claude-api-key: [{api-key: sk-some-12345678, weight: 1000001}]", "weight"),
        ("claude-api-key: [{api-key: sk-some-12345678, priority: high}]", "priority"),
        ("proxy-url: 'ftp://x'", "proxy-url"),
    ],
)
def test_S3_wrong_type_names_key_and_line(tmp_path, line, key):
    text = f"host: 127.0.0.1\n{line}\n"
    if not line.startswith("api-keys"):
        text += "api-keys: [ck-minimal-12345678]\n"
    message = refused(tmp_path, text)
    assert key in message, message
    assert re.search(r"config\.yaml:2\b", message), message
    assert "12345678" not in message


def test_S3_several_mistakes_are_all_named(tmp_path):
    message = refused(
        tmp_path,
        "host: 127.0.0.1\nport: abc\ndebug: 7\nworkers: x\n" "api-keys: [ck-minimal-12345678]\n",
    )
    assert "port" in message


def test_S3_openai_compatibility_without_base_url(tmp_path):
    text = MINIMAL.format(port=0) + (
        "openai-compatibility:\n  - name: x\n    models: [{name: m}]\n"
        "    api-key-entries: [{api-key: sk-some-12345678}]\n"
    )
    path = tmp_path / "config.yaml"
    path.write_text(text)
    done = run("--check-config", "--config", str(path))
    assert "base-url" in done.stdout + done.stderr


# -- S4 ----------------------------------------------------------------------------------------


def test_S4_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        message = refused(tmp_path, MINIMAL.format(port=port))
        assert "address already in use" in message.lower() and f":{port}" in message
        assert f"lsof -iTCP:{port} -sTCP:LISTEN" in message


def test_S4_two_gateways_do_not_share_a_port(stage, tmp_path):
    """SO_REUSEPORT between our own workers must not let a second process in."""
    up = stage.upstream()
    gw = stage.gateway(config(up, port=free_port()))
    done = run("--config", str(gw.path))
    assert done.returncode == 1 and "in use" in done.stderr
    assert gw.get("/health").status == 200


def test_S4_address_not_ours(tmp_path):
    message = refused(tmp_path, "host: 192.0.2.1\nport: 0\napi-keys: [ck-minimal-12345678]\n")
    assert "192.0.2.1" in message


# -- S5 ----------------------------------------------------------------------------------------


def test_S5_check_config(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(MINIMAL.format(port=8317))
    done = run("--check-config", "--config", str(path))
    assert done.returncode == 0, done.stderr
    path.write_text("port: abc\n")
    done = run("--check-config", "--config", str(path))
    assert done.returncode == 1
    assert "port" in done.stderr


def test_S5_check_config_with_single_dash(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(MINIMAL.format(port=8317))
    assert run("--check-config", "-config", str(path)).returncode == 0


def test_S5_check_config_does_not_need_the_port(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        path = tmp_path / "config.yaml"
        path.write_text(MINIMAL.format(port=taken.getsockname()[1]))
        assert run("--check-config", "--config", str(path)).returncode == 0


def test_S5_help_and_usage(tmp_path):
    done = run("--help")
    assert done.returncode == 0
    for word in ("--config", "--check-config", "--version", "health"):
        assert word in done.stdout
    for args in (["--no-such-option"], ["no-such-command"], ["--config"]):
        done = run(*args, cwd=tmp_path)
        assert done.returncode == 2, (args, done)
        assert done.stderr.strip()


def test_serve_is_the_default_command(stage):
    up = stage.upstream()
    gw = stage.gateway(config(up), args=["serve"])
    assert gw.get("/health").status == 200
    gw = stage.gateway(config(up), args=[])
    assert gw.get("/health").status == 200
    gw = stage.gateway(config(up), args=["-config", "config.yaml"])
    assert gw.get("/health").status == 200


# -- S6 ----------------------------------------------------------------------------------------


def test_S6_missing_tls_files(tmp_path):
    text = (
        MINIMAL.format(port=0) + "tls: {enable: true, cert: /nowhere/c.pem, key: /nowhere/k.pem}\n"
    )
    assert "/nowhere/c.pem" in refused(tmp_path, text)


def test_S6_tls_without_files(tmp_path):
    message = refused(tmp_path, MINIMAL.format(port=0) + "tls: {enable: true}\n")
    assert "cert" in message


def test_S6_broken_and_mismatched_tls_files(tmp_path, authority):
    good_cert, good_key = authority.issue()
    _, other_key = authority.issue("other")
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    text = MINIMAL.format(port=0)
    message = refused(tmp_path, text + f"tls: {{enable: true, cert: {broken}, key: {good_key}}}\n")
    assert str(broken) in message
    message = refused(tmp_path, text + f"tls: {{enable: true, cert: {good_cert}, key: {broken}}}\n")
    assert str(broken) in message
    message = refused(
        tmp_path, text + f"tls: {{enable: true, cert: {good_cert}, key: {other_key}}}\n"
    )
    assert str(other_key) in message


# -- S7, S8 ------------------------------------------------------------------------------------


def test_S7_auth_dir_is_made_private(stage):
    up = stage.upstream()
    folder = stage.folder() / "auths"
    stage.gateway(config(up, **{"auth-dir": str(folder)}))
    assert folder.is_dir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_S7_a_readable_auth_dir_warns(stage):
    up = stage.upstream()
    folder = stage.folder() / "auths"
    folder.mkdir()
    folder.chmod(0o750)
    gw = stage.gateway(config(up, **{"auth-dir": str(folder)}))
    assert any("chmod 700" in l.raw for l in gw.warnings())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750, "left as it was"


def test_S7_tilde_in_auth_dir(stage, tmp_path):
    up = stage.upstream()
    stage.gateway(config(up, **{"auth-dir": "~/.cli-proxy-api"}), env={"HOME": str(tmp_path)})
    assert (tmp_path / ".cli-proxy-api").is_dir()
    assert not (tmp_path / "~").exists()


def test_S8_a_corrupt_token_file_does_not_stop_the_start(stage):
    up = stage.upstream()
    folder = stage.folder() / "auths"
    folder.mkdir(mode=0o700)
    (folder / "broken.json").write_text('{"type": "claude", "access_token": "sk-tok')
    gw = stage.gateway(config(up, **{"auth-dir": str(folder)}))
    assert gw.get("/health").status == 200


# -- compatibility of the file -----------------------------------------------------------------


def test_R4_3_unknown_and_old_keys_warn_by_name(stage):
    up = stage.upstream()
    odd = {
        "oauth-model-mappings": {"kiro": []},
        "ampcode": {"upstream-url": "http://127.0.0.1:9"},
        "amp-code": {},
        "generative-language-api-key": ["sk-old-12345678"],
        "no-such-key": 1,
        "limits": {"no-such-limit": 3},
    }
    gw = stage.gateway(config(up, **odd))
    text = "\n".join(l.raw for l in gw.lines if l.level in ("warn", "info"))
    for key in (
        "oauth-model-mappings",
        "ampcode",
        "amp-code",
        "generative-language-api-key",
        "no-such-key",
        "no-such-limit",
    ):
        assert key in text, f"{key} is not named in\n{text}"


def test_R4_3_a_file_for_cliproxyapi_starts_unchanged(stage):
    """All top-level keys of SPEC 2.3, with what is not built yet named in one warning."""
    up = stage.upstream()
    text = f"""
# A configuration as people have it today.
host: "127.0.0.1"
port: 0
tls:
  enable: false
  cert: ""
  key: ""
remote-management:
  allow-remote: false
  secret-key: ""
  disable-control-panel: false
  disable-auto-update-panel: false
  panel-github-repository: "https://example.test/panel"
auth-dir: "{stage.folder()}/auths"
api-keys:
  - "{CLIENT_KEY}"
debug: false
pprof: {{enable: false, addr: "127.0.0.1:8316"}}
plugins: {{enabled: false, dir: plugins, store-sources: [], store-auth: [], configs: {{}}}}
commercial-mode: false
incognito-browser: true
logging-to-file: false
logs-max-total-size-mb: 0
error-logs-max-files: 10
request-log: false
usage-statistics-enabled: false
redis-usage-queue-retention-seconds: 60
proxy-url: ""
force-model-prefix: false
passthrough-headers: false
request-retry: 3
max-retry-credentials: 0
max-retry-interval: 30
disable-cooling: false
save-cooldown-status: false
transient-error-cooldown-seconds: 0
disable-image-generation: false
gpt-image-2-base-model: gpt-5.4-mini
video-result-auth-cache-ttl: 3h
auth-auto-refresh-workers: 16
quota-exceeded:
  switch-project: true
  switch-preview-model: true
  antigravity-credits: true
routing:
  strategy: "round-robin"
  session-affinity: false
  session-affinity-ttl: "1h"
ws-auth: false
responses-compact-enabled: true
responses-websocket-enabled: true
nonstream-keepalive-interval: 0
streaming:
  keepalive-seconds: 15
  bootstrap-retries: 1
codex: {{stream-bootstrap-buffering: false, optimize-multi-agent-v2: false}}
xai: {{inject-x-search: false}}
antigravity-signature-cache-enabled: true
antigravity-signature-bypass-strict: false
oauth-model-alias:
  claude:
    - name: claude-sonnet-4-5-20250929
      alias: cs45
      fork: true
oauth-excluded-models:
  claude: ["claude-3-*"]
oauth-request-scoped-errors: {{}}
oauth-upstream: {{claude: "https://api.anthropic.com"}}
payload:
  default:
    - models: [{{name: "gemini-*", protocol: gemini}}]
      params: {{"generationConfig.thinkingConfig.thinkingBudget": 32768}}
  override: []
  filter: []
gemini-api-key:
  - api-key: "sk-gemini-12345678"
    prefix: "test"
    base-url: "{up.url()}"
    headers: {{X-Custom-Header: "custom-value"}}
    proxy-url: ""
    models: [{{name: "gemini-2.5-flash", alias: "gemini-flash"}}]
    excluded-models: ["gemini-2.5-pro", "*-preview", "*flash-lite*"]
codex-api-key:
  - api-key: "sk-codex-12345678"
    base-url: "{up.url('/v1')}"
    models: [{{name: "gpt-5-codex", alias: "codex-latest"}}]
claude-api-key:
  - api-key: "sk-claude-12345678"
  - api-key: "sk-claude-87654321"
    base-url: "{up.url()}"
    proxy-url: "direct"
    models: [{{name: "claude-3-5-sonnet-20241022", alias: "claude-sonnet-latest"}}]
openai-compatibility:
  - name: "openrouter"
    base-url: "{up.url('/api/v1')}"
    headers: {{X-Custom-Header: "custom-value"}}
    api-key-entries:
      - api-key: "sk-router-12345678"
        proxy-url: ""
      - api-key: "sk-router-87654321"
    models: [{{name: "moonshotai/kimi-k2:free", alias: "kimi-k2"}}]
vertex-api-key:
  - api-key: "sk-vertex-12345678"
    base-url: "{up.url('/api')}"
    models: [{{name: "gemini-2.5-flash", alias: "vertex-flash"}}]
"""
    gw = stage.gateway(text)
    listed = {m["id"] for m in gw.get("/v1/models").json()["data"]}
    assert {
        "gemini-flash",
        "test/gemini-flash",
        "codex-latest",
        "claude-sonnet-latest",
        "kimi-k2",
        "vertex-flash",
    } <= listed
    assert gw.chat("kimi-k2").status == 200
    assert up.last().json()["model"] == "moonshotai/kimi-k2:free"
    assert (
        len([l for l in gw.warnings() if "not " in l.message]) <= 2
    ), "what is not built yet belongs into one warning:\n" + "\n".join(l.raw for l in gw.warnings())


def test_R4_4_environment(stage):
    up = stage.upstream()
    port = free_port()
    gw = stage.gateway(
        config(up),
        env={
            "CLIPROXY_PORT": str(port),
            "CLIPROXY_DEBUG": "yes",
            "CLIPROXY_API_KEYS": "ck-env-11112222, ck-env-33334444",
        },
    )
    assert gw.address[1] == port
    assert gw.get("/v1/models", key="ck-env-33334444").status == 200
    gw = stage.gateway(config(up), env={"CLIPROXY_PORT": "abc"})
    assert any("CLIPROXY_PORT" in l.raw for l in gw.warnings())
    gw = stage.gateway(config(up), env={"CLIPROXY_PORT": "70000"})
    assert any("CLIPROXY_PORT" in l.raw for l in gw.warnings())
    gw = stage.gateway(config(up, host="127.0.0.1"), env={"CLIPROXY_HOST": "localhost"})
    assert gw.get("/health").status == 200


def test_R4_5_version(stage):
    done = run("--version")
    assert done.returncode == 0 and re.search(r"\d+\.\d+", done.stdout)


def test_D1_minimal_config_verbatim(stage):
    """The getting-started page's file, with a free port and an address for its one provider."""
    up = stage.upstream()
    text = f"""\
port: {free_port()}
auth-dir: "./auths"
api-keys:
  - "dev-local-key"
debug: false
"""
    gw = stage.gateway(text)
    assert gw.get("/v1/models", key="dev-local-key").status == 200
    assert (gw.folder / "auths").is_dir()


def test_S2_7_minimal_config_of_the_fork(stage):
    up = stage.upstream()
    text = (
        f"host: ''\nport: {free_port()}\nauth-dir: {stage.folder()}/a\napi-keys: [{CLIENT_KEY}]\n"
        f"claude-api-key:\n  - api-key: sk-claude-12345678\n    base-url: {up.url()}\n"
        "debug: true\n"
    )
    gw = stage.gateway(text)
    assert gw.get("/health").status == 200


def test_S13_15_no_keys_on_all_addresses(tmp_path):
    message = refused(tmp_path, f"port: {free_port()}\n")
    assert "api-keys" in message and "open-access" in message
    message = refused(tmp_path, f"host: 0.0.0.0\nport: {free_port()}\napi-keys: ['', ' ']\n")
    assert "api-keys" in message


def test_S1_1_template_keys_are_called_out(stage):
    """SPEC 1.1: a configuration that still holds your-api-key-1 must not pass unnoticed."""
    up = stage.upstream()
    gw = stage.gateway(config(up, **{"api-keys": ["your-api-key-1"]}))
    assert any("your-api-key" in l.raw or "example" in l.raw for l in gw.warnings())


def test_ipv6_loopback(stage):
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 here")
    up = stage.upstream()
    gw = stage.gateway(config(up, host="::1"))
    with socket.create_connection(("::1", gw.address[1])) as s:
        s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert s.recv(100).startswith(b"HTTP/1.1 200")


def test_SIGINT_ends_in_order(stage):
    up = stage.upstream()
    gw = stage.gateway(config(up))
    gw.signal(signal.SIGINT)
    assert gw.wait_exit() == 0


def test_start_banner_names_what_an_operator_needs(stage):
    """R4.7: path of the configuration, address, provider and model counts."""
    up = stage.upstream()
    gw = stage.gateway(config(up))
    text = "\n".join(l.raw for l in gw.lines)
    assert str(gw.path) in text
    line = next(l for l in gw.lines if l.message == "listening")
    assert line.fields["address"].endswith(str(gw.address[1]))


@pytest.mark.parametrize(
    "value, good",
    [
        ("250ms", True),
        ("1s", True),
        ("5m", True),
        ("1h", True),
        ("30", True),
        ("1.5s", True),
        ("0", True),
        ("1d", None),
        ("fast", False),
        ("-1s", False),
        ("'5 s'", None),
    ],
)
def test_S13_1_durations(tmp_path, value, good):
    path = tmp_path / "config.yaml"
    path.write_text(MINIMAL.format(port=0) + f"upstream: {{first-byte-timeout: {value}}}\n")
    done = run("--check-config", "--config", str(path))
    assert done.returncode in ((0, 1) if good is None else (0,) if good else (1,)), done.stderr


@pytest.mark.parametrize(
    "value, good",
    [
        ("64KiB", True),
        ("64MiB", True),
        ("1GiB", True),
        ("1000000", True),
        ("64kB", None),
        ("lots", False),
        ("-1", False),
    ],
)
def test_sizes(tmp_path, value, good):
    path = tmp_path / "config.yaml"
    path.write_text(MINIMAL.format(port=0) + f"limits: {{body-size: {value}}}\n")
    done = run("--check-config", "--config", str(path))
    assert done.returncode in ((0, 1) if good is None else (0,) if good else (1,)), done.stderr


def test_S2_1_dotenv_in_the_working_directory(stage):
    """Read first; what the environment itself says wins."""
    up = stage.upstream()
    folder = stage.folder()
    one, two = free_port(), free_port()
    (folder / "config.yaml").write_text(dump({"host": "127.0.0.1", **config(up, port=0)}))
    (folder / ".env").write_text(
        f"# comment\nexport CLIPROXY_PORT={one}\n" 'CLIPROXY_API_KEYS="ck-dotenv-11112222"\n'
    )

    def start(env):
        gw = Gateway(
            folder, config(up), env=env, args=["--config", str(folder / "config.yaml")], start=False
        )
        stage.gateways.append(gw)
        gw.start()
        return gw

    gw = start({})
    assert gw.address[1] == one and gw.get("/v1/models", key="ck-dotenv-11112222").status == 200
    assert start({"CLIPROXY_PORT": str(two)}).address[1] == two
