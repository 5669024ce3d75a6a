// Package config reads what the server is told by flags and environment variables; a flag goes first.
package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/jollyjet/aside/examples/productserver/internal/backend"
	"github.com/jollyjet/aside/examples/productserver/internal/seed"
)

// Config is checked: what is in it can be used.
type Config struct {
	Addr     string
	MongoURI string // empty: embedded
	MongoDB  string
	Redis    *redis.UniversalOptions // nil: embedded
	Timeout  time.Duration           // of Redis
	Changes  bool
	Seed     int
	LogLevel slog.Level
}

// setting is one thing to be told. Its flag is the variable's name in lower case with hyphens.
type setting struct {
	variable, standard, usage string
	set                       func(*Config, string) error
}

var settings = []setting{
	{"ADDR", "127.0.0.1:8080", "`host:port` to listen on; port 0 takes a free one", setAddr},
	{"MONGO_URI", "", "MongoDB `URI`; without one an embedded FerretDB is used", setMongoURI},
	{"MONGO_DB", "jollyjet", "database `name`", setMongoDB},
	{"REDIS_URL", "", "Redis `URL`: redis://, rediss://, several with commas for a Cluster, or " +
		"redis-sentinel://host,host/master; without one an embedded miniredis is used", setRedis},
	{"REDIS_TIMEOUT", "500ms", "`duration` that Redis gets to answer before the database is asked", setTimeout},
	{"CHANGES", "false", "`true` to also evict what is written past this server, told by a change stream of the database; " +
		"needs MONGO_URI to be of a replica set or a sharded cluster", setChanges},
	{"SEED", "200", "`number` of products to put into an empty collection; 0 for none", setSeed},
	{"LOG_LEVEL", "info", "least `level` to log: debug, info, warn or error", setLogLevel},
}

// Load reads the arguments and the environment. It returns flag.ErrHelp when help was asked for, and printed.
func Load(args []string, env func(string) string, out io.Writer) (Config, error) {
	var cfg Config
	flags := flag.NewFlagSet("productserver", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	given := make([]*string, len(settings))
	for i, s := range settings {
		value := s.standard
		if v := env(s.variable); v != "" {
			value = v
		}
		// The default shown by -help is the program's; the environment may hold passwords.
		given[i] = flags.String(s.flag(), s.standard, s.usage+" ("+s.variable+")")
		*given[i] = value
	}
	if err := parse(flags, args, out); err != nil {
		return Config{}, err
	}
	var errs []error
	for i, s := range settings {
		if err := s.set(&cfg, *given[i]); err != nil {
			errs = append(errs, fmt.Errorf("%s (-%s): %w", s.variable, s.flag(), err))
		}
	}
	return cfg, errors.Join(errs...)
}

func (s setting) flag() string { return strings.ReplaceAll(strings.ToLower(s.variable), "_", "-") }

func parse(flags *flag.FlagSet, args []string, out io.Writer) error {
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(out)
		flags.Usage()
		return err
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q; see -help", flags.Arg(0))
	}
	return err
}

func setAddr(c *Config, v string) error {
	_, port, err := net.SplitHostPort(v)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%q is not host:port", v)
	}
	c.Addr = v
	return nil
}

func setMongoURI(c *Config, v string) error {
	c.MongoURI = v
	if v == "" {
		return nil
	}
	return backend.CheckMongoURI(v)
}

func setMongoDB(c *Config, v string) error {
	if v == "" || len(v) > 63 || strings.ContainsAny(v, "/\\. \"$*<>:|?\x00") {
		return fmt.Errorf("%q is not a database name", v)
	}
	c.MongoDB = v
	return nil
}

func setRedis(c *Config, v string) (err error) {
	if v == "" {
		return nil
	}
	c.Redis, err = backend.ParseRedisURL(v)
	return err
}

func setTimeout(c *Config, v string) (err error) {
	if c.Timeout, err = time.ParseDuration(v); err != nil || c.Timeout < time.Millisecond {
		return fmt.Errorf("%q is not a duration of 1ms or more", v)
	}
	return nil
}

// setChanges comes after setMongoURI.
func setChanges(c *Config, v string) (err error) {
	if c.Changes, err = strconv.ParseBool(v); err != nil {
		return fmt.Errorf("%q is not true or false", v)
	}
	if c.Changes && c.MongoURI == "" {
		return errors.New("the embedded FerretDB has no change streams; set MONGO_URI")
	}
	return nil
}

func setSeed(c *Config, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > seed.Most {
		return fmt.Errorf("%q is not a number from 0 to %d", v, seed.Most)
	}
	c.Seed = n
	return nil
}

func setLogLevel(c *Config, v string) error {
	if err := c.LogLevel.UnmarshalText([]byte(v)); err != nil {
		return fmt.Errorf("%q is not one of debug, info, warn, error", v)
	}
	return nil
}
