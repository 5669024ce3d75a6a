package setup_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redisx"
	"github.com/jollyjet/aside/internal/setup"
)

const options setup.Package = "store"

// A mistake panics where it is made, in the name of the package that the program uses.
func TestMistakesPanic(t *testing.T) {
	const name = "use up to 100 letters, digits and . _ / -, the first a letter or digit"
	for text, mistake := range map[string]func(){
		`store: Namespace("{}"): ` + name:                                   func() { options.Namespace("{}") },
		`store: Namespace(""): ` + name:                                     func() { options.Namespace("") },
		`store: Name("-"): ` + name:                                         func() { options.Name("Name", "-") },
		`store: Timeout(0s): use 1ms or more`:                               func() { options.Timeout(0) },
		`store: LeaseTime(20ms): use 30ms or more`:                          func() { options.AtLeast("LeaseTime", 20*time.Millisecond, 30*time.Millisecond) },
		`store: Hooks: hook 1 is nil`:                                       func() { options.Hooks(nil) },
		`store: Clone(nil): leave the option out`:                           func() { options.NotNil("Clone", true) },
		`store: New("p"): TTLOf is a func(), want a func(int)`:              func() { setup.Typed[func(int)](options, `New("p")`, "TTLOf", func() {}) },
		`store: Logger(nil): use slog.New(slog.DiscardHandler) for silence`: func() { options.Logger(nil) },
		`store: AutoPipeline(-1): use 0 to turn it off, or the number of commands from which on they share`: func() {
			options.AutoPipeline(-1)
		},
	} {
		require.PanicsWithValue(t, text, mistake)
	}
}

type hook struct{ redis.Hook }

func TestOptionsOfAConnection(t *testing.T) {
	c := setup.NewConn("aside", time.Second)
	require.Equal(t, redisx.Limits{
		Timeout: time.Second, ShareFrom: redisx.ShareFrom, Log: slog.Default(), Keys: "aside:*",
	}, c.Limits())
	log := slog.New(slog.DiscardHandler)
	for _, set := range []setup.ConnOption{
		options.Namespace("shop/eu"), options.Timeout(time.Millisecond), options.AutoPipeline(0), options.Logger(log),
		options.Hooks(hook{}), options.Hooks(hook{}, hook{}),
	} {
		set(&c)
	}
	require.Equal(t, redisx.Limits{
		Timeout: time.Millisecond, Hooks: []redis.Hook{hook{}, hook{}, hook{}}, Log: log, Keys: "shop/eu:*",
	}, c.Limits())
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"a": true, "0": true, "shop": true, "Shop.eu-1/x_y": true, strings.Repeat("x", 100): true,
		"": false, "a b": false, "{a}": false, "a:b": false, "é": false, ".a": false, "a\n": false, strings.Repeat("x", 101): false,
	} {
		require.Equal(t, want, setup.IsName(name), "%q", name)
	}
}

func TestNothingIsNil(t *testing.T) {
	var client *redis.Client
	var f func()
	for _, nothing := range []any{nil, client, f, map[string]int(nil), redis.UniversalClient(client)} {
		require.True(t, setup.IsNil(nothing), "%T", nothing)
	}
	for _, something := range []any{0, "", struct{}{}, &redis.Client{}, func() {}, map[string]int{}, context.Background()} {
		require.False(t, setup.IsNil(something), "%T", something)
	}
}

func TestTypedOptions(t *testing.T) {
	type tags = func(string) []string
	require.Nil(t, setup.Typed[tags](options, "New", "Tags", nil))
	require.Equal(t, []string{"a"}, setup.Typed[tags](options, "New", "Tags", func(s string) []string { return []string{s} })("a"))
}
