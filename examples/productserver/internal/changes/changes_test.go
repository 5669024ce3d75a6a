package changes

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/store"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// step is what a fake cursor does when it is asked for a change: it has one, or has an error, or has neither for a while.
type step struct {
	event bson.D
	err   error
	token string
}

// fake is a cursor that behaves as *mongo.ChangeStream does, from a script. At its end it waits for ctx.
type fake struct {
	steps   []step
	at      step
	closed  bool
	startAt string // the token that it was opened with
}

func (f *fake) TryNext(ctx context.Context) bool {
	if f.at.err != nil {
		return false
	}
	if len(f.steps) == 0 {
		<-ctx.Done()
		f.at = step{err: ctx.Err()}
		return false
	}
	f.at, f.steps = f.steps[0], f.steps[1:]
	return f.at.event != nil
}

func (f *fake) Decode(v any) error {
	raw, err := bson.Marshal(f.at.event)
	if err != nil {
		return err
	}
	return bson.Unmarshal(raw, v)
}

func (f *fake) ResumeToken() bson.Raw {
	if f.at.token == "" {
		return nil
	}
	return token(f.at.token)
}

func (f *fake) ID() int64 {
	if f.at.token == "end" {
		return 0
	}
	return 7
}

func (f *fake) Err() error { return f.at.err }

func (f *fake) Close(context.Context) error {
	f.closed = true
	return nil
}

func token(data string) bson.Raw {
	raw, err := bson.Marshal(bson.D{{Key: "_data", Value: data}})
	if err != nil {
		panic(err)
	}
	return raw
}

var written = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func change(operation string, id any, after string) step {
	return step{token: after, event: bson.D{
		{Key: "_id", Value: token(after)},
		{Key: "operationType", Value: operation},
		{Key: "documentKey", Value: bson.D{{Key: "_id", Value: id}}},
		{Key: "clusterTime", Value: bson.Timestamp{T: uint32(written.Unix()), I: 1}},
	}}
}

// play is a source of one cursor after another, each with its script.
func play(t *testing.T, scripts ...[]step) (evict.Source[string], func() []*fake) {
	t.Helper()
	var opened []*fake
	return source(func(_ context.Context, o *options.ChangeStreamOptionsBuilder) (cursor, error) {
		var set options.ChangeStreamOptions
		for _, apply := range o.List() {
			if err := apply(&set); err != nil {
				return nil, err
			}
		}
		if set.MaxAwaitTime == nil || *set.MaxAwaitTime != awaitTime {
			t.Errorf("the server waits for %v", set.MaxAwaitTime)
		}
		f := &fake{steps: scripts[min(len(opened), len(scripts)-1)]}
		if after, ok := set.StartAfter.(bson.Raw); ok {
			f.startAt = after.Lookup("_data").StringValue()
		}
		opened = append(opened, f)
		return f, nil
	}), func() []*fake { return opened }
}

func TestEventsBecomeChanges(t *testing.T) {
	oid := bson.NewObjectID()
	open, _ := play(t, []step{
		{token: "begin"},
		{token: "begin"},
		change("insert", "knife", "1"), change("update", "lamp", "2"), change("replace", "desk", "3"), change("delete", "knife", "4"),
		change("update", oid, "5"), change("createIndexes", nil, "6"),
		{token: "7"},
	})
	s, err := open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	want := []evict.Change[string]{
		{Idle: true, Position: "begin"},
		{Event: "knife", Position: "1", At: written},
		{Event: "lamp", Position: "2", At: written},
		{Event: "desk", Position: "3", At: written},
		{Event: "knife", Position: "4", At: written},
		{Event: `{"$oid":"` + oid.Hex() + `"}`, Position: "5", At: written},
		{Idle: true, Position: "6", At: written},
		{Idle: true, Position: "7"},
	}
	for i, w := range want {
		got, err := s.Next(t.Context())
		w.Position = string(token(w.Position))
		if err != nil || got.Event != w.Event || got.Idle != w.Idle || got.Position != w.Position || !got.At.Equal(w.At) {
			t.Errorf("change %d is %+v, %v; want %+v", i, got, err, w)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of its context: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestErrorsThatCostThePosition(t *testing.T) {
	for name, tt := range map[string]struct {
		step step
		lost bool
	}{
		"history lost":   {step{err: mongo.CommandError{Code: 286}}, true},
		"bad token":      {step{err: mongo.CommandError{Code: 260}}, true},
		"fatal":          {step{err: mongo.CommandError{Code: 280}}, true},
		"dropped":        {change("drop", nil, "1"), true},
		"invalid":        {change("invalidate", nil, "1"), true},
		"no event":       {step{token: "1", event: bson.D{{Key: "operationType", Value: 7}}}, true},
		"no replica set": {step{err: mongo.CommandError{Code: 40573}}, false},
		"network":        {step{err: io.ErrUnexpectedEOF}, false},
		"ended":          {step{token: "end"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			open, _ := play(t, []step{tt.step})
			s, err := open(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err = s.Next(t.Context()); err == nil || errors.Is(err, evict.ErrPositionLost) != tt.lost {
				t.Errorf("%v; the position is lost: want %t", err, tt.lost)
			}
			refuse := source(func(context.Context, *options.ChangeStreamOptionsBuilder) (cursor, error) { return nil, tt.step.err })
			if tt.step.err == nil {
				return
			}
			if _, err = refuse(t.Context(), ""); err == nil || errors.Is(err, evict.ErrPositionLost) != tt.lost {
				t.Errorf("when opened: %v; the position is lost: want %t", err, tt.lost)
			}
		})
	}
	open, opened := play(t, nil)
	if _, err := open(t.Context(), "no BSON"); !errors.Is(err, evict.ErrPositionLost) || len(opened()) > 0 {
		t.Errorf("a position that is no token: %v", err)
	}
}

// The whole way: from events, over a stream that breaks, a history that is lost and a collection that is dropped, to
// evictions; and the tokens from which it goes on.
func TestAStreamEvicts(t *testing.T) {
	server := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { _ = rdb.Close() }()
	st, err := store.Open(t.Context(), rdb, store.Namespace("shop"), store.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	products := cacheable.New(st, "product", func(_ context.Context, id string) (string, error) { return id, nil })
	open, opened := play(t,
		[]step{{token: "begin"}, change("update", "a", "1"), {err: io.ErrUnexpectedEOF}},
		[]step{{err: mongo.CommandError{Code: 286}}},
		[]step{{token: "10"}, change("insert", "b", "11"), change("drop", nil, "12")},
		[]step{{token: "20"}, change("insert", "c", "21")},
	)
	followed := evict.FromChanges(t.Context(), st, "products", open, evict.Key(products, func(id string) string { return id }))
	for deadline := time.Now().Add(10 * time.Second); followed.Stats().Changes < 3 || server.HGet("shop:#bookmark:{products}", "at") != string(token("21")); {
		if time.Now().After(deadline) {
			t.Fatalf("after 10 s: %+v", followed.Stats())
		}
		time.Sleep(time.Millisecond)
	}
	followed.Close()
	if s := followed.Stats(); s.Resets != 3 || s.Failures != 3 || s.Changes != 3 {
		t.Errorf("%+v", s)
	}
	var from []string
	for _, f := range opened() {
		from = append(from, f.startAt)
		if !f.closed {
			t.Errorf("the cursor opened at %q is left open", f.startAt)
		}
	}
	if want := []string{"", "1", "", ""}; !slices.Equal(from, want) {
		t.Errorf("opened at %q, want %q", from, want)
	}
}
