package backend

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// ferret is FerretDB v1 on SQLite: it speaks MongoDB's protocol from within this process. It is slow, and wrong in
// places that this program keeps away from; it is here so that the example runs with nothing installed.
type ferret struct {
	uri, dir string
	cancel   context.CancelFunc
	done     chan error
}

// startFerret keeps its files in a temporary folder. The in-memory mode is no alternative: its first update never
// returns. It runs until it is stopped, not until ctx ends: what closes before it may still need it.
func startFerret(ctx context.Context) (*ferret, error) {
	dir, err := os.MkdirTemp("", "productserver-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the embedded FerretDB: %w", err)
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Handler:   "sqlite",
		SQLiteURL: "file:" + dir + "/",
		// It warns of the driver's endSessions at every disconnect, which means nothing to anybody.
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		_ = os.RemoveAll(dir) // the start failed, and that is what the caller needs to know
		return nil, fmt.Errorf("start embedded FerretDB: %w", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &ferret{dir: dir, cancel: cancel, done: make(chan error, 1)}
	go func() { f.done <- server.Run(ctx) }()
	f.uri = server.MongoDBURI()
	return f, nil
}

func (f *ferret) stop() error {
	f.cancel()
	if err := <-f.done; err != nil {
		return fmt.Errorf("stop embedded FerretDB: %w", err)
	}
	if err := os.RemoveAll(f.dir); err != nil {
		return fmt.Errorf("remove the embedded FerretDB's folder: %w", err)
	}
	return nil
}
