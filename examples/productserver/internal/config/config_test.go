package config

import (
	"errors"
	"flag"
	"io"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"
)

func load(env map[string]string, args ...string) (Config, error) {
	return Load(args, func(k string) string { return env[k] }, io.Discard)
}

func TestDefaults(t *testing.T) {
	cfg, err := load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Config{Addr: "127.0.0.1:8080", MongoDB: "jollyjet", Timeout: 500 * time.Millisecond, Seed: 200}); cfg != want {
		t.Errorf("got %+v, want %+v", cfg, want)
	}
}

func TestFlagsGoBeforeTheEnvironment(t *testing.T) {
	env := map[string]string{"ADDR": ":1", "MONGO_URI": "mongodb://env", "MONGO_DB": "env", "REDIS_URL": "redis://env", "REDIS_TIMEOUT": "1s", "CHANGES": "true", "SEED": "1", "LOG_LEVEL": "warn"}
	cfg, err := load(env)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Addr != ":1" || cfg.MongoURI != "mongodb://env" || cfg.MongoDB != "env" || cfg.Redis.Addrs[0] != "env:6379" ||
		cfg.Timeout != time.Second || !cfg.Changes || cfg.Seed != 1 || cfg.LogLevel != slog.LevelWarn {
		t.Errorf("from the environment: %+v", cfg)
	}
	cfg, err = load(env, "-addr=:2", "-mongo-uri=mongodb://flag", "-mongo-db=flag", "-redis-url=flag:5", "-redis-timeout=2s", "-changes=false", "-seed=0", "-log-level=debug")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Addr != ":2" || cfg.MongoURI != "mongodb://flag" || cfg.MongoDB != "flag" || cfg.Redis.Addrs[0] != "flag:5" ||
		cfg.Timeout != 2*time.Second || cfg.Changes || cfg.Seed != 0 || cfg.LogLevel != slog.LevelDebug {
		t.Errorf("from the flags: %+v", cfg)
	}
}

func TestBadValuesNameTheirVariable(t *testing.T) {
	bad := map[string]string{
		"ADDR": "localhost", "MONGO_URI": "http://h", "MONGO_DB": "a.b", "REDIS_URL": "redis://h:x", "REDIS_TIMEOUT": "0s", "CHANGES": "perhaps", "SEED": "many", "LOG_LEVEL": "loud",
	}
	for variable, value := range bad {
		_, err := load(map[string]string{variable: value})
		if err == nil || !strings.Contains(err.Error(), variable) {
			t.Errorf("%s=%s: %v", variable, value, err)
		}
	}
	_, err := load(bad)
	for variable := range maps.Keys(bad) {
		if !strings.Contains(err.Error(), variable) {
			t.Errorf("all wrong, but the error does not name %s: %v", variable, err)
		}
	}
}

func TestBadArguments(t *testing.T) {
	for _, args := range [][]string{{"-nope"}, {"serve"}, {"-seed=201"}, {"-seed=-1"}, {"-addr=:99999"}, {"-mongo-db="}, {"-seed"}, {"-changes=true"}} {
		if _, err := load(nil, args...); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}

func TestHelpShowsNoSecrets(t *testing.T) {
	var out strings.Builder
	env := func(k string) string { return map[string]string{"REDIS_URL": "redis://:s3cret@h"}[k] }
	if _, err := Load([]string{"-help"}, env, &out); !errors.Is(err, flag.ErrHelp) {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "REDIS_URL") || strings.Contains(out.String(), "s3cret") {
		t.Errorf("help is %s", out.String())
	}
}
