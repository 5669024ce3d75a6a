package session_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/session"
)

// Visit takes the place of the keys of scs, or of Values of gorilla/sessions.
type Visit struct{ ComeBackTo string }

// What is read and removed in one step, such as scs's PopString.
func ExampleManager_Update_pop() {
	rdb, done := redistest.Example() // your own client
	defer done()
	sessions := session.New[Visit](rdb)
	defer func() { _ = sessions.Close() }()
	ctx := sessions.Attach(context.Background(), "")
	_ = sessions.Update(ctx, func(v *Visit) error { v.ComeBackTo = "/account"; return nil })

	var page string
	err := sessions.Update(ctx, func(v *Visit) error {
		page, v.ComeBackTo = v.ComeBackTo, ""
		return nil
	})
	fmt.Println(page, err)
	visit, err := sessions.Get(ctx)
	fmt.Printf("%q %v\n", visit.ComeBackTo, err)
	// Output:
	// /account <nil>
	// "" <nil>
}

// "Remember me" is a lifetime that one login gives its session.
func ExampleLifetime() {
	rdb, done := redistest.Example() // your own client
	defer done()
	sessions := session.New[Cart](rdb)
	defer func() { _ = sessions.Close() }()

	ctx := sessions.Attach(context.Background(), "")
	_ = sessions.Login(ctx, "ann", session.Lifetime(30*24*time.Hour))
	info, _ := sessions.Info(ctx)
	fmt.Println(info.Deadline.Sub(info.Since))
	_ = sessions.Login(ctx, "ann")
	info, _ = sessions.Info(ctx)
	fmt.Println(info.Deadline.Sub(info.Since))
	// Output:
	// 720h0m0s
	// 12h0m0s
}

// A session may end earlier than others, for instance with the shift of who works.
func ExampleManager_SetDeadline() {
	rdb, done := redistest.Example() // your own client
	defer done()
	sessions := session.New[Cart](rdb)
	defer func() { _ = sessions.Close() }()

	ctx := sessions.Attach(context.Background(), "")
	_ = sessions.Login(ctx, "ann")
	_ = sessions.SetDeadline(ctx, time.Now().Add(time.Hour))
	info, _ := sessions.Info(ctx)
	fmt.Println(info.Deadline.Sub(info.Since).Round(time.Minute))
	fmt.Println(sessions.SetDeadline(ctx, time.Now()))
	// Output:
	// 1h0m0s
	// session: the deadline has passed; use Destroy to end a session
}

// A payment provider posts back from its own site.
func ExampleExemptCrossOrigin() {
	rdb, done := redistest.Example() // your own client
	defer done()
	sessions := session.New[Cart](rdb, session.SameSiteNone(), session.ExemptCrossOrigin("POST /payment/return"))
	defer func() { _ = sessions.Close() }()
	handler := sessions.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		// ... check what the provider has signed
	}))
	for _, path := range []string{"/payment/return", "/cart"} {
		r := httptest.NewRequest("POST", path, nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(path, w.Code)
	}
	// Output:
	// /payment/return 200
	// /cart 403
}

// An administrator looks at all sessions, and ends those without a user.
func ExampleManager_Iterate() {
	rdb, done := redistest.Example() // your own client
	defer done()
	sessions := session.New[Cart](rdb)
	defer func() { _ = sessions.Close() }()
	_ = sessions.Login(sessions.Attach(context.Background(), ""), "ann")
	_ = sessions.Create(sessions.Attach(context.Background(), ""), Cart{Items: []string{"shoes"}})

	var visited int64 // on a Cluster there are several reports
	err := sessions.Iterate(context.Background(), func(ctx context.Context, s session.Info) error {
		if s.User != "" {
			return nil
		}
		cart, err := sessions.Get(ctx)
		if err != nil {
			return err
		}
		fmt.Println(cart.Items)
		return sessions.Destroy(ctx)
	}, session.Progress(func(n int64) { visited = n }))
	fmt.Println(visited, "sessions", err)
	// Output:
	// [shoes]
	// 2 sessions <nil>
}

// A handle names a session where its token is not known, as in a log.
func ExampleManager_LoadHandle() {
	rdb, done := redistest.Example() // your own client
	defer done()
	sessions := session.New[Cart](rdb)
	defer func() { _ = sessions.Close() }()
	ctx := sessions.Attach(context.Background(), "")
	_ = sessions.Login(ctx, "ann")
	info, _ := sessions.Info(ctx)

	ctx, err := sessions.LoadHandle(context.Background(), info.Handle)
	user, _ := sessions.User(ctx)
	fmt.Println(user, err)
	fmt.Println(sessions.Destroy(ctx))
	_, err = sessions.LoadHandle(context.Background(), info.Handle)
	fmt.Println(err)
	// Output:
	// ann <nil>
	// <nil>
	// session: none
}
