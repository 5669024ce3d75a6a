package session_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/session"
)

func TestBadOptionsPanic(t *testing.T) {
	for name, c := range map[string]struct {
		make func() []session.Option
		want string
	}{
		"namespace":  {func() []session.Option { return []session.Option{session.Namespace("a{b}")} }, "use up to 100 letters"},
		"timeout":    {func() []session.Option { return []session.Option{session.Timeout(0)} }, "use 1ms or more"},
		"idle":       {func() []session.Option { return []session.Option{session.Idle(time.Millisecond)} }, "use 1s or more"},
		"absolute":   {func() []session.Option { return []session.Option{session.Absolute(-1)} }, "use 1s or more"},
		"renew":      {func() []session.Option { return []session.Option{session.RenewEvery(0)} }, "use 1s or more"},
		"grace":      {func() []session.Option { return []session.Option{session.RenewGrace(0)} }, "use 1ms or more"},
		"grace long": {func() []session.Option { return []session.Option{session.RenewEvery(10 * time.Second)} }, "use a grace period shorter"},
		"bearer":     {func() []session.Option { return []session.Option{session.RenewEvery(time.Hour), session.Bearer()} }, "call Renew"},
		"max":        {func() []session.Option { return []session.Option{session.MaxPerUser(0, session.Refuse)} }, "use 1 or more"},
		"policy":     {func() []session.Option { return []session.Option{session.MaxPerUser(1, 0)} }, "use EvictOldest or Refuse"},
		"bytes":      {func() []session.Option { return []session.Option{session.MaxBytes(0)} }, "use 1 or more"},
		"codec":      {func() []session.Option { return []session.Option{session.Codec(nil)} }, "leave the option out"},
		"event":      {func() []session.Option { return []session.Option{session.OnEvent(nil)} }, "leave the option out"},
		"describe":   {func() []session.Option { return []session.Option{session.Describe(nil)} }, "leave the option out"},
		"hook":       {func() []session.Option { return []session.Option{session.Hooks(nil)} }, "hook 1 is nil"},
		"csrf":       {func() []session.Option { return []session.Option{session.CrossOrigin(nil)} }, "leave the option out"},
		"clear":      {func() []session.Option { return []session.Option{session.ClearSiteData("all")} }, "use cache, cookies"},
		"name":       {func() []session.Option { return []session.Option{session.CookieName("a b")} }, "use up to 64 letters"},
		"prefix":     {func() []session.Option { return []session.Option{session.CookieName("id")} }, "begins with __Host-"},
		"domain":     {func() []session.Option { return []session.Option{session.Domain("com")} }, "use a name such as"},
		"domain host": {func() []session.Option {
			return []session.Option{session.Domain("example.com"), session.CookieName("__Host-id")}
		}, "begins with __Secure-"},
		"insecure host": {func() []session.Option {
			return []session.Option{session.InsecureDevelopment(), session.CookieName("__Host-id")}
		}, "use a name without"},
		"path":        {func() []session.Option { return []session.Option{session.Path("shop")} }, "use a path such as /shop"},
		"path evil":   {func() []session.Option { return []session.Option{session.Path("/a;Domain=b")} }, "use a path such as /shop"},
		"path host":   {func() []session.Option { return []session.Option{session.Path("/a"), session.CookieName("__Host-id")} }, "begins with __Secure-"},
		"partitioned": {func() []session.Option { return []session.Option{session.Partitioned()} }, "add SameSiteNone"},
		"insecure none": {func() []session.Option {
			return []session.Option{session.SameSiteNone(), session.InsecureDevelopment()}
		}, "use HTTPS"},
		"exempt":       {func() []session.Option { return []session.Option{session.ExemptCrossOrigin("POST  ")} }, "use a pattern such as POST /payment/return"},
		"exempt twice": {func() []session.Option { return []session.Option{session.ExemptCrossOrigin("/a", "/a")} }, "use a pattern such as"},
		"exempt both": {func() []session.Option {
			return []session.Option{session.ExemptCrossOrigin("/a"), session.CrossOrigin(http.NewCrossOriginProtection())}
		}, "use AddInsecureBypassPattern"},
		"every": {func() []session.Option { return []session.Option{session.WatchEvery(ms)} }, "use 10ms or more"},
		"insecure domain": {func() []session.Option {
			return []session.Option{session.InsecureDevelopment(), session.Domain("example.com")}
		}, "leave Domain out"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				text, ok := recover().(string)
				require.True(t, ok, "it must panic with a text")
				require.True(t, strings.HasPrefix(text, "session: "), text)
				require.Contains(t, text, c.want)
			}()
			session.New[data](redistestMini(t), c.make()...)
		})
	}
	for _, none := range []redis.UniversalClient{nil, (*redis.Client)(nil), (*redis.ClusterClient)(nil)} {
		require.PanicsWithValue(t, "session: New: the client is nil; use redis.NewClient or redis.NewClusterClient",
			func() { session.New[data](none) })
	}
	require.PanicsWithValue(t, "session: New: option 2 is nil; leave it out",
		func() { session.New[data](redistestMini(t), session.Idle(time.Hour), nil) })
	require.PanicsWithValue(t, "session: unsuitable Redis client: it reads from replicas, which lag; leave ReadOnly, RouteByLatency and RouteRandomly unset",
		func() {
			rdb := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, ReadOnly: true})
			defer func() { _ = rdb.Close() }()
			session.New[data](rdb)
		})
}

func TestCookieOptions(t *testing.T) {
	for want, options := range map[string][]session.Option{
		"id=T; Path=/; HttpOnly; SameSite=Lax":                                         {session.InsecureDevelopment()},
		"__Secure-id=T; Path=/; Domain=example.com; HttpOnly; Secure; SameSite=Lax":    {session.Domain(".example.com")},
		"__Host-sid=T; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Strict":        {session.CookieName("__Host-sid"), session.Persistent(), session.Absolute(time.Hour), session.SameSiteStrict()},
		"__Secure-shop=T; Path=/; Domain=shop.example; HttpOnly; Secure; SameSite=Lax": {session.Domain("shop.example"), session.CookieName("__Secure-shop")},
		"__Host-id=T; Path=/; HttpOnly; Secure; SameSite=None":                         {session.SameSiteNone()},
		"__Host-id=T; Path=/; HttpOnly; Secure; SameSite=None; Partitioned":            {session.Partitioned(), session.SameSiteNone()},
		"__Secure-id=T; Path=/shop; HttpOnly; Secure; SameSite=Lax":                    {session.Path("/shop")},
		"id=T; Path=/shop; HttpOnly; SameSite=Lax":                                     {session.Path("/shop"), session.InsecureDevelopment()},
	} {
		m := node(t, redistestMini(t), options...)
		res := serve(site(m), "/add", "")
		c := cookieOf(t, res)
		require.Equal(t, want, strings.Replace(res.Header.Get("Set-Cookie"), c.Value, "T", 1))
		res = serve(site(m), "/user", "", func(r *http.Request) { r.Header.Set("Cookie", c.Name+"="+c.Value) })
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.EqualValues(t, 1, m.Stats().Loads)
		gone := serve(site(m), "/logout", "").Header.Get("Set-Cookie")
		require.Equal(t, attributes(t, want), attributes(t, gone), "a cookie is removed with the attributes that it was set with")
	}
	m := node(t, redistestMini(t), session.ClearSiteData())
	require.Empty(t, serve(site(m), "/logout", "").Header.Get("Clear-Site-Data"))
	p := http.NewCrossOriginProtection()
	p.AddInsecureBypassPattern("/add")
	m = node(t, redistestMini(t), session.CrossOrigin(p))
	res := serve(site(m), "/add", "", func(r *http.Request) { r.Method = http.MethodPost; r.Header.Set("Sec-Fetch-Site", "cross-site") })
	require.Equal(t, http.StatusOK, res.StatusCode)
}
