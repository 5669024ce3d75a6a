package evict_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/evict"
	"github.com/jollyjet/aside/internal/redistest"
)

type renameInput struct{ ID, Name string }

// Misuse panics where the write is decorated, and the message names the target and what is wrong with it.
func TestMisusePanicsAndSaysWhatIsWrong(t *testing.T) {
	src := &table{}
	mini := client(t, redistest.Mini(t).Addr())
	stores := fleet(t, mini, 2)
	c, d := cacheable.New(stores[0], "c", src.load), cacheable.New(stores[1], "c", src.load)
	ok := evict.Key(c, keyOf)
	foreign := evict.Key(c, func(in renameInput) string { return in.ID })
	rename := evict.Replace(c, func(in renameInput, v int64) (string, int64) { return in.ID, v })
	anything := func(context.Context, any) (error, error) { return nil, nil }
	for name, tt := range map[string]struct {
		decorate func()
		want     []string
	}{
		"no write":     {func() { evict.After[change, int64](nil, ok) }, []string{"evict: After: the write must not be nil"}},
		"no write 2":   {func() { evict.AroundErr[change](nil, ok) }, []string{"evict: AroundErr: the write must not be nil"}},
		"no targets":   {func() { evict.After(src.write) }, []string{"evict: After: name at least one target"}},
		"only options": {func() { evict.Around(src.write, evict.HoldFor(time.Second)) }, []string{"evict: Around: name at least one target"}},
		"nil target":   {func() { evict.After(src.write, ok, nil) }, []string{"evict: After: target 2 is nil"}},
		"two stores":   {func() { evict.Around(src.write, ok, evict.Key(d, keyOf)) }, []string{"evict: Around: the targets belong to two stores"}},
		"hold with After": {
			func() { evict.After(src.write, ok, evict.HoldFor(time.Second)) },
			[]string{"evict: After: target 2 (HoldFor) needs Around"},
		},
		"refuse with AfterErr": {
			func() {
				evict.AfterErr(func(context.Context, change) error { return nil }, ok, evict.RefuseUnheld())
			},
			[]string{"evict: AfterErr: target 2 (RefuseUnheld) needs AroundErr"},
		},
		"replace with After": {
			func() {
				evict.After(src.write, ok, evict.Replace(c, func(in change, v int64) (string, int64) { return in.Key, v }))
			},
			[]string{"evict: After: target 2 (Replace) needs Around"},
		},
		"replace and hold": {
			func() {
				evict.Around(src.write, evict.HoldFor(time.Second),
					evict.Replace(c, func(in change, v int64) (string, int64) { return in.Key, v }))
			},
			[]string{"evict: Around: Replace and HoldFor exclude each other"},
		},
		"another argument": {
			func() { evict.After(src.write, evict.Target[change](foreign)) },
			[]string{"target 1 (Key)", "argument evict_test.renameInput", "func(context.Context, evict_test.change) (int64, error)"},
		},
		"another result": {
			func() {
				evict.Around(func(context.Context, renameInput) (string, error) { return "", nil }, evict.Target[renameInput](rename))
			},
			[]string{"target 1 (Replace)", "evict_test.renameInput", "int64", "func(context.Context, evict_test.renameInput) (string, error)"},
		},
		"interfaces": {
			func() { evict.After(anything, evict.Target[any](foreign)) },
			[]string{"target 1 (Key)", "evict_test.renameInput", "func(context.Context, interface {}) (error, error)"},
		},
		"short hold": {func() { evict.HoldFor(0) }, []string{"evict: HoldFor(0s): use 1ms or more"}},
		"key without cache": {
			func() { evict.Key[change, string](nil, keyOf) },
			[]string{"evict: Key: neither the cache (or store) nor the function may be nil"},
		},
		"key without func":     {func() { evict.Key[change](c, nil) }, []string{"evict: Key:"}},
		"keys without func":    {func() { evict.Keys[change](c, nil) }, []string{"evict: Keys:"}},
		"tags without store":   {func() { evict.Tags(nil, func(change) []string { return nil }) }, []string{"evict: Tags:"}},
		"all without cache":    {func() { evict.All[change, string](nil) }, []string{"evict: All:"}},
		"replace without func": {func() { evict.Replace[change, int64](c, nil) }, []string{"evict: Replace:"}},
		"progress without":     {func() { evict.Progress(nil) }, []string{"evict: Progress:"}},
	} {
		t.Run(name, func(t *testing.T) {
			text := panics(t, tt.decorate)
			for _, want := range tt.want {
				require.Contains(t, text, want)
			}
		})
	}
}

// The forms in which users write targets. Only All needs a type argument.
func TestTheFormsThatUsersType(t *testing.T) {
	src := &table{}
	st := open(t, client(t, redistest.Mini(t).Addr()))
	products := cacheable.New(st, "product", src.load)
	rename := func(context.Context, renameInput) (int64, error) { return 1, nil }
	remove := func(context.Context, renameInput) error { return nil }

	var renamed func(context.Context, renameInput) (int64, error)
	renamed = evict.After(rename,
		evict.Key(products, func(in renameInput) string { return in.ID }),
		evict.Keys(products, func(in renameInput) []string { return []string{in.ID, in.Name} }),
		evict.Tags(st, func(renameInput) []string { return []string{"catalogue"} }),
		evict.All[renameInput](products))
	_, err := renamed(t.Context(), renameInput{})
	require.NoError(t, err)

	renamed = evict.Around(rename,
		evict.Key(products, func(in renameInput) string { return in.ID }),
		evict.All[renameInput](products),
		evict.HoldFor(time.Millisecond), evict.RefuseUnheld())
	_, err = renamed(t.Context(), renameInput{})
	require.NoError(t, err)

	renamed = evict.Around(rename,
		evict.Replace(products, func(in renameInput, v int64) (string, int64) { return in.ID, v }),
		evict.Tags(st, func(renameInput) []string { return nil }))
	_, err = renamed(t.Context(), renameInput{})
	require.NoError(t, err)

	var removed func(context.Context, renameInput) error
	removed = evict.AfterErr(remove, evict.Key(products, func(in renameInput) string { return in.ID }))
	require.NoError(t, removed(t.Context(), renameInput{}))
	removed = evict.AroundErr(remove, evict.Key(products, func(in renameInput) string { return in.ID }), evict.HoldFor(time.Millisecond))
	require.NoError(t, removed(t.Context(), renameInput{}))
}
