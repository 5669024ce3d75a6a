package consistency

import (
	"context"
	"sync"

	"github.com/jollyjet/aside/store"
)

// background starts work that goes on until the store closes, or what is returned is called, which waits for its end.
// ended is called then, perhaps more than once.
func background(st *store.Store, what string, ended func(), work ...func(context.Context)) (closing func()) {
	var working sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	end := func() { cancel(); ended() }
	for _, f := range work {
		working.Add(1)
		began := st.Background(what, func(open context.Context) {
			defer working.Done()
			defer end()
			stop := context.AfterFunc(open, cancel)
			defer stop()
			f(ctx)
		})
		if !began {
			working.Done()
			end()
		}
	}
	return func() { end(); working.Wait() }
}
