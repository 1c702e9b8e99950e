// Acts on verdicts: a consumer of verdicts.v1 to copy into a service.
//
//	go build && ./consume-verdicts
//
// Delivery is at least once; the effect is once. An action and its verdict's id are one row, and the id is the row's
// primary key. Rows are committed first, offsets after them, so a process that is killed at any moment acts on nothing
// twice and passes over nothing.
//
// Standard output has one line of JSON for each verdict acted on, standard error one for whatever else happens.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	_ "github.com/ncruces/go-sqlite3/driver"
	_ "github.com/ncruces/go-sqlite3/embed"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	maxPollRecords = 100
	sessionTimeout = 6 * time.Second // a killed consumer's partitions go to another after this
	patience       = 5 * time.Second // for a broker that does not answer a commit or a goodbye

	create = `
		CREATE TABLE IF NOT EXISTS actions (
			verdict_id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, subject TEXT NOT NULL,
			action TEXT NOT NULL, risk_score REAL NOT NULL, top_reason TEXT
		)`
	insert = `INSERT INTO actions VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (verdict_id) DO NOTHING`
)

// row is one action: a row of the table, and a line of the output.
type row struct {
	VerdictID string  `json:"verdict_id"`
	TenantID  string  `json:"tenant_id"`
	Subject   string  `json:"subject"`
	Action    string  `json:"action"`
	RiskScore float64 `json:"risk_score"`
	TopReason *string `json:"top_reason"`
}

// service is what one process holds.
type service struct {
	kafka   *kgo.Client
	actions *sql.DB

	acted, unreadable int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx); err != nil {
		tell(os.Stderr, map[string]any{"event": "failed", "reason": err.Error()})
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	actions, err := sql.Open("sqlite3", setting("TELLTALE_ACTIONS_DB", "actions.db"))
	if err != nil {
		return err
	}
	defer actions.Close()
	if _, err := actions.Exec(create); err != nil {
		return err
	}
	prefix := setting("TELLTALE_TOPIC_PREFIX", "")
	kafka, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(setting("TELLTALE_KAFKA_BOOTSTRAP", "127.0.0.1:19092"), ",")...),
		kgo.ConsumeTopics(prefix+"verdicts.v1"),
		kgo.ConsumerGroup(prefix+setting("TELLTALE_CONSUMER_GROUP", "verdict-actions")),
		kgo.DisableAutoCommit(),                           // offsets are committed when the effect is there
		kgo.BlockRebalanceOnPoll(),                        // no partition leaves between its effects and their offsets
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), // a new group misses nothing that Kafka still has
		kgo.SessionTimeout(sessionTimeout),
		kgo.HeartbeatInterval(sessionTimeout/3),
		kgo.WithLogger(kgo.BasicLogger(os.Stderr, kgo.LogLevelWarn, nil)),
	)
	if err != nil {
		return err
	}
	s := &service{kafka: kafka, actions: actions}
	defer s.leave()
	if err := s.consume(ctx); err != nil {
		return err
	}
	tell(os.Stderr, map[string]any{"event": "stopped", "acted": s.acted, "unreadable": s.unreadable})
	return nil
}

// consume polls, acts and commits until the context ends.
func (s *service) consume(ctx context.Context) error {
	for {
		fetches := s.kafka.PollRecords(ctx, maxPollRecords)
		if ctx.Err() != nil {
			return nil // what was polled is not committed and comes again
		}
		for _, fault := range fetches.Errors() { // the client goes on trying by itself
			tell(os.Stderr, map[string]any{"event": "not fetched", "reason": fault.Err.Error()})
		}
		if records := fetches.Records(); len(records) > 0 {
			if err := s.act(records); err != nil {
				return err
			}
			s.commit(records)
		}
		s.kafka.AllowRebalance()
	}
}

// act acts on each verdict that has not been acted on, in one transaction, then tells.
func (s *service) act(records []*kgo.Record) error {
	transaction, err := s.actions.Begin()
	if err != nil {
		return err
	}
	defer transaction.Rollback() // nothing after a commit
	statement, err := transaction.Prepare(insert)
	if err != nil {
		return err
	}
	defer statement.Close()
	var done []row
	for _, record := range records {
		verdict, err := read(record)
		if err != nil {
			s.unreadable++
			tell(os.Stderr, map[string]any{
				"event": "unreadable", "topic": record.Topic, "partition": record.Partition, "offset": record.Offset,
				"reason": err.Error(),
			})
			continue
		}
		r := row{
			VerdictID: verdict.VerdictID, TenantID: verdict.TenantID,
			Subject: verdict.Subject.Type + "/" + verdict.Subject.ID,
			Action:  verdict.Action, RiskScore: *verdict.RiskScore, TopReason: verdict.topReason(),
		}
		// Your effect goes here, into the same transaction. One that cannot (a call to another system) takes
		// verdict_id as its idempotency key.
		result, err := statement.Exec(r.VerdictID, r.TenantID, r.Subject, r.Action, r.RiskScore, r.TopReason)
		if err != nil {
			return err
		}
		if inserted, err := result.RowsAffected(); err != nil {
			return err
		} else if inserted == 1 {
			done = append(done, r)
		}
	}
	if err := transaction.Commit(); err != nil {
		return err
	}
	s.acted += len(done)
	for _, r := range done {
		tell(os.Stdout, r)
	}
	return nil
}

// commit says how far the effects are. When it fails, records come again and are known by their ids.
func (s *service) commit(records []*kgo.Record) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.kafka.CommitRecords(ctx, records...); err != nil {
		tell(os.Stderr, map[string]any{"event": "not committed", "reason": err.Error()})
	}
}

// leave lets the group give this consumer's partitions to another at once.
func (s *service) leave() {
	s.kafka.AllowRebalance()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.kafka.LeaveGroupContext(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		tell(os.Stderr, map[string]any{"event": "not left", "reason": err.Error()})
	}
	s.kafka.Close()
}

// tell writes one line of JSON.
func tell(stream *os.File, fields any) {
	if err := json.NewEncoder(stream).Encode(fields); err != nil {
		panic(err) // the stream is gone: nobody would hear of anything
	}
}

func setting(name, otherwise string) string {
	if found := os.Getenv(name); found != "" {
		return found
	}
	return otherwise
}
