// Package backend opens the two servers that the program needs: real ones, or embedded ones so that it runs with
// nothing installed.
package backend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Mongo is a client, and the embedded server behind it if there is one.
type Mongo struct {
	Client *mongo.Client
	URI    string
	// Embedded is true for FerretDB, whose updates are not atomic; see repository.SerializeUpdates.
	Embedded bool
	stop     func() error
}

// Stop ends the embedded server, and leaves the client without one. There is nothing to end twice.
func (m *Mongo) Stop() error {
	stop := m.stop
	m.stop = func() error { return nil }
	return stop()
}

// CheckMongoURI says what is wrong with a URI. It keeps the parser's words back if there may be a password in them.
func CheckMongoURI(uri string) error {
	err := options.Client().ApplyURI(uri).Validate()
	if err != nil && strings.Contains(uri, "@") {
		return errors.New("not a MongoDB URI; percent-encode special characters in user and password")
	}
	return err
}

// OpenMongo connects to the URI, or to an embedded FerretDB when it is empty, and waits until the server answers. The
// client has the options that the URI does not set.
func OpenMongo(ctx context.Context, uri string, log *slog.Logger, opts ...*options.ClientOptions) (*Mongo, error) {
	m := &Mongo{stop: func() error { return nil }}
	if uri == "" {
		server, err := startFerret(ctx)
		if err != nil {
			return nil, err
		}
		m.Embedded, m.stop, uri = true, server.stop, server.uri
		log.Info("MONGO_URI is not set: using an embedded FerretDB, gone when the program ends", "dir", server.dir)
	}
	m.URI = uri
	if err := m.connect(ctx, opts); err != nil {
		return nil, errors.Join(err, m.Stop())
	}
	if !m.Embedded {
		log.Info("using MongoDB", "hosts", strings.Join(options.Client().ApplyURI(uri).Hosts, ","))
	}
	return m, nil
}

// connect bounds every operation, unless the URI has bounds of its own: a request that waits for a database that is
// away is answered with 503 while its client still listens.
func (m *Mongo) connect(ctx context.Context, opts []*options.ClientOptions) error {
	bounds := options.Client().SetAppName("aside-productserver").
		SetServerSelectionTimeout(2 * time.Second).SetConnectTimeout(2 * time.Second).SetTimeout(5 * time.Second)
	opts = append(append([]*options.ClientOptions{bounds}, opts...), options.Client().ApplyURI(m.URI)) // the last wins
	client, err := mongo.Connect(opts...)
	if err != nil {
		return fmt.Errorf("connect to MongoDB: %w", err)
	}
	if err := client.Ping(ctx, nil); err != nil {
		return errors.Join(fmt.Errorf("MongoDB does not answer: %w", err), client.Disconnect(ctx))
	}
	m.Client = client
	return nil
}

// Close disconnects and stops the embedded server.
func (m *Mongo) Close(ctx context.Context) error {
	err := m.Client.Disconnect(ctx)
	if err != nil {
		err = fmt.Errorf("disconnect from MongoDB: %w", err)
	}
	return errors.Join(err, m.Stop())
}
