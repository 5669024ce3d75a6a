// Package changes makes a MongoDB change stream a source for evict.FromChanges, so that products that are changed past
// the server (by another program, by hand in mongosh) are evicted too. Change streams need a replica set or a sharded
// cluster of MongoDB 4.2 or later; a standalone server has none, and FerretDB has none.
package changes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jollyjet/aside/evict"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// awaitTime is how long the server waits for a change before it answers that there is none. The answer has a token, so
// this is also how often the position moves while nothing changes.
const awaitTime = time.Second

// fatal are the codes of MongoDB's errors after which a token is of no use: InvalidResumeToken, ChangeStreamFatalError, and
// ChangeStreamHistoryLost, by which the oplog does not reach back to it.
var fatal = []int{260, 280, 286}

// wanted leaves out the documents: all that is needed of a change is its key.
var wanted = mongo.Pipeline{{{Key: "$project", Value: bson.D{
	{Key: "operationType", Value: 1}, {Key: "documentKey", Value: 1}, {Key: "clusterTime", Value: 1},
}}}}

// cursor is the part of *mongo.ChangeStream that is used.
type cursor interface {
	TryNext(context.Context) bool
	Decode(any) error
	ResumeToken() bson.Raw
	ID() int64
	Err() error
	Close(context.Context) error
}

// watch opens a cursor on the changes after a token, or if there is none, on those from now on.
type watch func(context.Context, *options.ChangeStreamOptionsBuilder) (cursor, error)

// Of is the source of the ids of the documents in the collection that were inserted, changed or deleted.
func Of(coll *mongo.Collection) evict.Source[string] {
	return source(func(ctx context.Context, o *options.ChangeStreamOptionsBuilder) (cursor, error) {
		stream, err := coll.Watch(ctx, wanted, o)
		if err != nil {
			return nil, err // not a nil *mongo.ChangeStream in an interface
		}
		return stream, nil
	})
}

func source(open watch) evict.Source[string] {
	return func(ctx context.Context, after string) (evict.Stream[string], error) {
		o := options.ChangeStream().SetMaxAwaitTime(awaitTime)
		if after != "" {
			token := bson.Raw(after)
			if err := token.Validate(); err != nil {
				return nil, fmt.Errorf("%w: not a token: %w", evict.ErrPositionLost, err)
			}
			o.SetStartAfter(token)
		}
		c, err := open(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("watch: %w", lost(err))
		}
		return &stream{cursor: c}, nil
	}
}

// lost marks the errors after which the position is of no use.
func lost(err error) error {
	server := mongo.ServerError(nil)
	if errors.As(err, &server) && slices.ContainsFunc(fatal, server.HasErrorCode) {
		return fmt.Errorf("%w: %w", evict.ErrPositionLost, err)
	}
	return err
}

// stream is an evict.Stream of ids.
type stream struct {
	cursor cursor
	told   string // the last position
}

// event is what is left of a change.
type event struct {
	Operation string `bson:"operationType"`
	Key       struct {
		ID bson.RawValue `bson:"_id"`
	} `bson:"documentKey"`
	ClusterTime bson.Timestamp `bson:"clusterTime"`
}

// Next returns a change, or a position when there was none for a while.
func (s *stream) Next(ctx context.Context) (evict.Change[string], error) {
	for {
		switch {
		case s.cursor.TryNext(ctx):
			return s.change()
		case s.cursor.Err() != nil:
			return evict.Change[string]{}, fmt.Errorf("next change: %w", lost(s.cursor.Err()))
		case ctx.Err() != nil:
			return evict.Change[string]{}, ctx.Err()
		case s.cursor.ID() == 0:
			return evict.Change[string]{}, fmt.Errorf("next change: the server has closed the stream: %w", io.EOF)
		}
		if token := string(s.cursor.ResumeToken()); token != s.told {
			s.told = token
			return evict.Change[string]{Idle: true, Position: token}, nil
		}
	}
}

func (s *stream) change() (c evict.Change[string], err error) {
	var e event
	if err := s.cursor.Decode(&e); err != nil {
		// It would be the same when it is read again.
		return c, fmt.Errorf("%w: decode change: %w", evict.ErrPositionLost, err)
	}
	s.told = string(s.cursor.ResumeToken())
	c = evict.Change[string]{Position: s.told, At: time.Unix(int64(e.ClusterTime.T), 0)}
	switch e.Operation {
	case "insert", "update", "replace", "delete":
		c.Event = id(e.Key.ID)
	case "drop", "dropDatabase", "rename", "invalidate":
		// All products are gone, or others are there, and the stream tells of none of them.
		return c, fmt.Errorf("%w: %s of the collection", evict.ErrPositionLost, e.Operation)
	default:
		c.Idle = true
	}
	return c, nil
}

// id is a product's. A document whose id is not text is none of the shop's, but may be in its lists all the same.
func id(v bson.RawValue) string {
	if s, ok := v.StringValueOK(); ok {
		return s
	}
	return v.String()
}

// Close closes the cursor on the server.
func (s *stream) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return s.cursor.Close(ctx)
}
