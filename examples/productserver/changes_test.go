package main

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/store"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/jollyjet/aside/examples/productserver/internal/cached"
	"github.com/jollyjet/aside/examples/productserver/internal/repository"
	"github.com/jollyjet/aside/examples/productserver/internal/usecase"
)

// told is a source of the ids that a test sends.
type told chan string

func (c told) open(context.Context, string) (evict.Stream[string], error) { return c, nil }

func (c told) Next(ctx context.Context) (evict.Change[string], error) {
	select {
	case id := <-c:
		return evict.Change[string]{Event: id, Position: id}, nil
	case <-ctx.Done():
		return evict.Change[string]{}, ctx.Err()
	}
}

func (c told) Close() error { return nil }

// TestWritesPastTheServerAreEvicted: the database has no change streams, so the test tells what it has changed.
func TestWritesPastTheServerAreEvicted(t *testing.T) {
	mongo, server := openMongo(t), miniredis.RunT(t)
	p := start(t, map[string]string{"MONGO_URI": mongo.URI, "REDIS_URL": server.Addr()})
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer func() { _ = rdb.Close() }()
	st, err := store.Open(t.Context(), rdb, store.Namespace("shop"), store.Logger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Close() }()
	source, coll := make(told), mongo.Client.Database("jollyjet").Collection("products")
	changes := cached.Decorate(st, usecase.New(repository.New(coll), time.Now)).Follow(t.Context(), source.open)
	defer changes.Close()
	await := func(done func(evict.ChangesStats) bool) {
		for deadline := time.Now().Add(10 * time.Second); !done(changes.Stats()); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("after 10 s: %+v", changes.Stats())
			}
		}
	}
	await(func(s evict.ChangesStats) bool { return s.Resets == 1 })

	const list = "/products?category=kitchen&limit=100"
	for _, path := range []string{knife, list} {
		p.do(http.StatusOK, "GET", path, "")
		p.get(path, "hit")
	}
	id := strings.TrimPrefix(knife, "/products/")
	_, err = coll.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: id}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "stock", Value: 4711}}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := product(t, p.get(knife, "hit")); got.Stock == 4711 {
		t.Error("the test shows nothing: the write is known already")
	}
	source <- id
	await(func(s evict.ChangesStats) bool { return s.Changes == 1 })
	if got := product(t, p.get(knife, "miss")); got.Stock != 4711 {
		t.Errorf("the stock is %d", got.Stock)
	}
	if a := p.get(list, "miss"); !strings.Contains(string(a.body), "4711") {
		t.Errorf("the list is %s", a.body)
	}
}

// TestADatabaseWithoutChangeStreams: that there are none is logged, once, and the server serves.
func TestADatabaseWithoutChangeStreams(t *testing.T) {
	p := start(t, map[string]string{"MONGO_URI": openMongo(t).URI, "CHANGES": "true"})
	said := p.log.await(t, regexp.MustCompile(`msg="aside: a source of changes has failed.*cause=(.*)`))
	if !strings.Contains(said, "changeStream") {
		t.Errorf("the cause is %s", said)
	}
	p.get(knife, "miss")
	p.get(knife, "hit")
	p.stop()
	if n := strings.Count(p.log.String(), "a source of changes has failed"); n != 1 {
		t.Errorf("it is said %d times", n)
	}
}
