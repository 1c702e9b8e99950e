package telltale;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Acts on verdicts: a consumer of {@code verdicts.v1} to copy into a service.
 *
 * <p>Delivery is at least once; the effect is once. An action and its verdict's id are one row, and the id is the row's
 * primary key. Rows are committed first, offsets after them, so a process that is killed at any moment acts on nothing
 * twice and passes over nothing.
 *
 * <p>Standard output has one line of JSON for each verdict acted on, standard error one for whatever else happens.
 */
public final class ConsumeVerdicts {
    private static final String KAFKA = setting("TELLTALE_KAFKA_BOOTSTRAP", "127.0.0.1:19092");
    private static final String PREFIX = setting("TELLTALE_TOPIC_PREFIX", "");
    private static final String GROUP = setting("TELLTALE_CONSUMER_GROUP", "verdict-actions");
    private static final String ACTIONS = setting("TELLTALE_ACTIONS_DB", "actions.db");

    private static final int MAX_POLL_RECORDS = 100;
    private static final Duration POLL = Duration.ofMillis(500); // also the longest that a signal waits
    private static final int SESSION_TIMEOUT_MS = 6_000; // a killed consumer's partitions go to another after this
    private static final Duration PATIENCE = Duration.ofSeconds(5); // for a broker that does not answer
    private static final Duration STOP_WITHIN = Duration.ofSeconds(20);

    private static final String CREATE =
            """
            CREATE TABLE IF NOT EXISTS actions (
                verdict_id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, subject TEXT NOT NULL,
                action TEXT NOT NULL, risk_score REAL NOT NULL, top_reason TEXT
            )""";
    private static final String INSERT =
            "INSERT INTO actions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (verdict_id) DO NOTHING";

    // The part of a verdict that this service reads. Fields that are not named here are passed over.
    enum Action { ALLOW, CHALLENGE, REVIEW, BLOCK }

    record Subject(String type, String id) {}

    /** One cause of a verdict; {@code contribution} is its part of the risk score, 0..1. */
    record Reason(String code, double contribution) {}

    /** What Telltale recommends; {@code risk_score} is 0..1, higher is riskier. */
    record Verdict(
            @JsonProperty("verdict_id") UUID verdictId,
            @JsonProperty("tenant_id") String tenantId,
            Subject subject,
            Action action,
            @JsonProperty("risk_score") double riskScore,
            List<Reason> reasons) {}

    /** A record is no verdict that this program knows: say so and go on. */
    static final class Unreadable extends Exception {
        Unreadable(String reason) {
            super(reason);
        }
    }

    // Unknown fields are passed over; what is missing, null or of another type is refused.
    private static final ObjectMapper JSON = JsonMapper.builder()
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
            .enable(
                    DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES,
                    DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES,
                    DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS,
                    DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .defaultSetterInfo(JsonSetter.Value.forContentNulls(Nulls.FAIL))
            .build();

    private final Connection actions;
    private volatile boolean stopping;
    private volatile boolean stopped;
    private long acted;
    private long unreadable;

    private ConsumeVerdicts(Connection actions) {
        this.actions = actions;
    }

    public static void main(String[] arguments) throws Exception {
        System.setProperty("org.slf4j.simpleLogger.defaultLogLevel", "warn"); // of Kafka's client
        try (Connection actions = DriverManager.getConnection("jdbc:sqlite:" + ACTIONS)) {
            actions.createStatement().execute(CREATE);
            actions.setAutoCommit(false);
            ConsumeVerdicts consumer = new ConsumeVerdicts(actions);
            consumer.stopOnSignal(Thread.currentThread());
            consumer.run();
        }
    }

    /** Ends the loop on SIGTERM or SIGINT. Without halt the JVM would call an orderly stop a failure (143 or 130). */
    private void stopOnSignal(Thread main) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            stopping = true;
            try {
                main.join(STOP_WITHIN.toMillis());
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            if (stopped) {
                Runtime.getRuntime().halt(0);
            }
        }));
    }

    private void run() throws SQLException {
        KafkaConsumer<byte[], byte[]> kafka = new KafkaConsumer<>(settings());
        try {
            kafka.subscribe(List.of(PREFIX + "verdicts.v1"));
            while (!stopping) {
                ConsumerRecords<byte[], byte[]> records = kafka.poll(POLL);
                if (!records.isEmpty()) {
                    act(records);
                    commit(kafka);
                }
            }
        } finally {
            kafka.close(CloseOptions.timeout(PATIENCE));
        }
        tell(System.err, fields("event", "stopped", "acted", acted, "unreadable", unreadable));
        stopped = true;
    }

    private static Properties settings() {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", KAFKA);
        settings.put("group.id", PREFIX + GROUP);
        settings.put("enable.auto.commit", "false"); // offsets are committed when the effect is there
        settings.put("auto.offset.reset", "earliest"); // a new group misses nothing that Kafka still has
        settings.put("max.poll.records", MAX_POLL_RECORDS);
        settings.put("session.timeout.ms", SESSION_TIMEOUT_MS);
        settings.put("heartbeat.interval.ms", SESSION_TIMEOUT_MS / 3);
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        return settings;
    }

    /** Acts on each verdict that has not been acted on, in one transaction, then tells. */
    private void act(ConsumerRecords<byte[], byte[]> records) throws SQLException {
        List<Map<String, Object>> done = new ArrayList<>();
        try (PreparedStatement insert = actions.prepareStatement(INSERT)) {
            for (ConsumerRecord<byte[], byte[]> record : records) {
                Map<String, Object> row;
                try {
                    row = rowOf(read(record));
                } catch (Unreadable reason) {
                    unreadable++;
                    tell(System.err, fields("event", "unreadable", "topic", record.topic(),
                            "partition", record.partition(), "offset", record.offset(), "reason", reason.getMessage()));
                    continue;
                }
                // Your effect goes here, into the same transaction. One that cannot (a call to another system) takes
                // verdict_id as its idempotency key.
                int column = 1;
                for (Object value : row.values()) {
                    insert.setObject(column++, value);
                }
                if (insert.executeUpdate() == 1) {
                    done.add(row);
                }
            }
        }
        actions.commit();
        acted += done.size();
        done.forEach(row -> tell(System.out, row));
    }

    private static Map<String, Object> rowOf(Verdict verdict) {
        String topReason = verdict.reasons().stream()
                .max(Comparator.comparingDouble(Reason::contribution))
                .map(Reason::code)
                .orElse(null);
        return fields(
                "verdict_id", verdict.verdictId().toString(),
                "tenant_id", verdict.tenantId(),
                "subject", verdict.subject().type() + "/" + verdict.subject().id(),
                "action", verdict.action().name(),
                "risk_score", verdict.riskScore(),
                "top_reason", topReason);
    }

    /** Reads a record; throws when it is no verdict of version 1. */
    static Verdict read(ConsumerRecord<byte[], byte[]> record) throws Unreadable {
        if (!"1.0".equals(attribute(record, "ce_specversion"))) {
            throw new Unreadable("ce_specversion is not 1.0");
        }
        if (!"telltale.verdict.v1".equals(attribute(record, "ce_type"))) {
            throw new Unreadable("ce_type is not telltale.verdict.v1");
        }
        Verdict verdict;
        try {
            verdict = JSON.readValue(record.value() == null ? new byte[0] : record.value(), Verdict.class);
        } catch (IOException malformed) {
            verdict = null;
        }
        if (verdict == null) { // also what the document `null` gives
            throw new Unreadable("the value is not a verdict of version 1");
        }
        if (!verdict.tenantId().equals(attribute(record, "ce_tenantid"))) {
            throw new Unreadable("ce_tenantid is not the verdict's tenant");
        }
        return verdict;
    }

    private static String attribute(ConsumerRecord<byte[], byte[]> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null || header.value() == null ? null : new String(header.value(), StandardCharsets.UTF_8);
    }

    /** Says how far the effects are. When it fails, records come again and are known by their ids. */
    private static void commit(KafkaConsumer<byte[], byte[]> kafka) {
        try {
            kafka.commitSync(PATIENCE);
        } catch (KafkaException failed) {
            tell(System.err, fields("event", "not committed", "reason", failed.getClass().getSimpleName()));
        }
    }

    private static void tell(PrintStream stream, Map<String, Object> fields) {
        try {
            stream.println(JSON.writeValueAsString(fields));
            stream.flush();
        } catch (IOException impossible) { // they are text and numbers
            throw new IllegalStateException(impossible);
        }
    }

    /** Names and values by turns; unlike Map.of it keeps their order and takes null. */
    private static Map<String, Object> fields(Object... namesAndValues) {
        Map<String, Object> fields = new LinkedHashMap<>();
        for (int at = 0; at < namesAndValues.length; at += 2) {
            fields.put((String) namesAndValues[at], namesAndValues[at + 1]);
        }
        return fields;
    }

    private static String setting(String name, String otherwise) {
        String found = System.getenv(name);
        return found == null || found.isEmpty() ? otherwise : found;
    }
}
