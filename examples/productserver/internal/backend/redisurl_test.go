package backend

import (
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestParseRedisURL(t *testing.T) {
	tests := []struct {
		raw  string
		want redis.UniversalOptions
		tls  bool
	}{
		{"redis://localhost", redis.UniversalOptions{Addrs: []string{"localhost:6379"}}, false},
		{"127.0.0.1:6380", redis.UniversalOptions{Addrs: []string{"127.0.0.1:6380"}}, false},
		{"redis://[::1]/3", redis.UniversalOptions{Addrs: []string{"[::1]:6379"}, DB: 3}, false},
		{"redis://u:p%40s%2Cs@h:1/2", redis.UniversalOptions{Addrs: []string{"h:1"}, Username: "u", Password: "p@s,s", DB: 2}, false},
		{"rediss://:secret@h", redis.UniversalOptions{Addrs: []string{"h:6379"}, Password: "secret"}, true},
		{"h1:1,h2:2, h3", redis.UniversalOptions{Addrs: []string{"h1:1", "h2:2", "h3:6379"}, IsClusterMode: true}, false},
		{
			"rediss://u:p@h1,rediss://h2,rediss://u:p@h3",
			redis.UniversalOptions{Addrs: []string{"h1:6379", "h2:6379", "h3:6379"}, Username: "u", Password: "p", IsClusterMode: true},
			true,
		},
		{"redis://u:p@h1:1,h2:2", redis.UniversalOptions{Addrs: []string{"h1:1", "h2:2"}, Username: "u", Password: "p", IsClusterMode: true}, false},
		{"redis-sentinel://s1,s2:5/main", redis.UniversalOptions{Addrs: []string{"s1:26379", "s2:5"}, MasterName: "main"}, false},
		{"rediss-sentinel://u:p@s1:1/main/4?sentinel_username=su&sentinel_password=sp", redis.UniversalOptions{
			Addrs:      []string{"s1:1"},
			MasterName: "main", Username: "u", Password: "p", DB: 4, SentinelUsername: "su", SentinelPassword: "sp",
		}, true},
	}
	for _, tt := range tests {
		t.Run(tt.raw, func(t *testing.T) {
			got, err := ParseRedisURL(tt.raw)
			if err != nil {
				t.Fatal(err)
			}
			w := tt.want
			same := slices.Equal(got.Addrs, w.Addrs) && got.DB == w.DB && got.Username == w.Username && got.Password == w.Password &&
				got.MasterName == w.MasterName && got.IsClusterMode == w.IsClusterMode &&
				got.SentinelUsername == w.SentinelUsername && got.SentinelPassword == w.SentinelPassword
			if !same || tt.tls != (got.TLSConfig != nil) {
				t.Errorf("got %+v, want %+v, TLS %v", got, w, tt.tls)
			}
		})
	}
}

// refused are values that a person might really write; the fuzz test starts from them too.
var refused = map[string]string{
	"":                                   "host name",
	"http://h":                           "scheme",
	"redis://":                           "host name",
	"redis://:6379":                      "host name",
	"redis://h:0":                        "port",
	"redis://h:70000":                    "port",
	"redis://h:x":                        "not a URL",
	"redis://u:s3cret/x@h":               "not a URL",
	"redis://u:%zz@h":                    "not a URL",
	"redis://h/-1":                       "number",
	"redis://h/one":                      "number",
	"redis://h/1/2":                      "number",
	"redis://h?pool_size=99999999999999": "not supported",
	"redis://h#1":                        "#",
	"redis://h1,":                        "server 2 of 2",
	"redis://h1,rediss://h2":             "all redis:// or all rediss://",
	"redis://h1,redis://u:s3cret@h2":     "one user and password",
	"redis://u:s3cret@h1,redis://u:x@h2": "one user and password",
	"redis://h1/1,redis://h2":            "only database 0",
	"redis://h1,redis://h2/1":            "one database",
	"redis-sentinel://s1,s2":             "name of the master",
	"redis-sentinel:///main":             "host name",
	"redis-sentinel://s1/main/x":         "number",
	"redis-sentinel://s1/main?db=1":      "sentinel_username",
	"redis-sentinel://u:s3cret#@s1/main": "not a URL",
}

func TestParseRedisURLRefuses(t *testing.T) {
	for raw, want := range refused {
		opts, err := ParseRedisURL(raw)
		if err == nil {
			t.Errorf("%q gave %+v, want an error", raw, opts)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q does not say %q", raw, err, want)
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error for %q shows the password: %q", raw, err)
		}
	}
}

// FuzzParseRedisURL: no value panics, here or in the client's constructor, which does panic at options it can't use.
func FuzzParseRedisURL(f *testing.F) {
	for raw := range refused {
		f.Add(raw)
	}
	f.Add("redis://u:p@h1:1,h2:2")
	f.Add("rediss-sentinel://u:p@s1:1,s2/main/4?sentinel_username=su&sentinel_password=sp")
	f.Fuzz(func(t *testing.T, raw string) {
		opts, err := ParseRedisURL(raw)
		if err != nil {
			return
		}
		if len(opts.Addrs) == 0 || opts.DB < 0 {
			t.Errorf("%q gave %+v", raw, opts)
		}
		if err := redis.NewUniversalClient(opts).Close(); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
	})
}

func TestCheckMongoURI(t *testing.T) {
	if err := CheckMongoURI("mongodb://u:p@h1,h2/?replicaSet=rs"); err != nil {
		t.Error(err)
	}
	for _, uri := range []string{"h:27017", "http://h", "mongodb://", "mongodb://u:s3cret/@h", "mongodb://u:s3%zzcret@h", "mongodb://h/?directConnection=x"} {
		err := CheckMongoURI(uri)
		if err == nil || strings.Contains(err.Error(), "s3") {
			t.Errorf("CheckMongoURI(%q) = %v", uri, err)
		}
	}
}
