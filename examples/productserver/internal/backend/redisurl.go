package backend

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ParseRedisURL understands
//
//	redis://[user:password@]host[:port][/db]           one server; rediss:// is the same over TLS
//	host:port                                          short for redis://host:port
//	host:port,host:port   redis://...,redis://...      seeds of a Cluster: two or more, addresses or URLs
//	redis-sentinel://[user:password@]host[:port],host[:port]/mastername[/db]
//	                                                   Sentinels and the master they watch; rediss-sentinel:// over TLS.
//	                                                   User and password are those of the master; the Sentinels' own go
//	                                                   into ?sentinel_username=&sentinel_password=
//
// Reserved characters of a user or a password are percent-encoded, a comma too. An error never repeats the value, since
// there may be a password in it.
func ParseRedisURL(raw string) (*redis.UniversalOptions, error) {
	scheme, rest, _ := strings.Cut(raw, "://")
	switch scheme {
	case "redis-sentinel", "rediss-sentinel":
		return parseSentinel(strings.TrimSuffix(scheme, "-sentinel"), rest)
	default:
		return parseServers(strings.Split(raw, ","))
	}
}

func parseServers(list []string) (*redis.UniversalOptions, error) {
	nodes, err := parseNodes(list, "6379")
	if err != nil {
		return nil, err
	}
	opts, err := agree(nodes)
	if err != nil {
		return nil, err
	}
	if len(nodes[0].query) > 0 {
		return nil, errors.New("options after a question mark are not supported")
	}
	opts.IsClusterMode = len(nodes) > 1
	if opts.DB, err = database(nodes[0].path); err != nil {
		return nil, err
	}
	if opts.IsClusterMode && opts.DB != 0 {
		return nil, errors.New("a Cluster has only database 0")
	}
	return opts, nil
}

func parseSentinel(scheme, rest string) (*redis.UniversalOptions, error) {
	authority, tail := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, tail = rest[:i], rest[i:]
	}
	credentials, hosts := "", authority
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		credentials, hosts = authority[:i+1], authority[i+1:]
	}
	list := strings.Split(hosts, ",")
	for i, host := range list {
		list[i] = scheme + "://" + credentials + host + tail
	}
	nodes, err := parseNodes(list, "26379")
	if err != nil {
		return nil, err
	}
	opts, err := agree(nodes)
	if err != nil {
		return nil, err
	}
	path := nodes[0].path
	if len(path) == 0 {
		return nil, errors.New("a Sentinel URL ends in the name of the master: /mastername or /mastername/db")
	}
	opts.MasterName = path[0]
	if opts.DB, err = database(path[1:]); err != nil {
		return nil, err
	}
	return opts, sentinelLogin(opts, nodes[0].query)
}

func sentinelLogin(opts *redis.UniversalOptions, query url.Values) error {
	for key := range query {
		if key != "sentinel_username" && key != "sentinel_password" {
			return errors.New("the options of a Sentinel URL are sentinel_username and sentinel_password")
		}
	}
	opts.SentinelUsername, opts.SentinelPassword = query.Get("sentinel_username"), query.Get("sentinel_password")
	return nil
}

// node is one server of the list, as its URL has it.
type node struct {
	addr, user, password string
	tls                  bool
	path                 []string
	query                url.Values
}

func parseNodes(list []string, port string) ([]node, error) {
	nodes := make([]node, len(list))
	for i, raw := range list {
		n, err := parseNode(strings.TrimSpace(raw), port)
		if err != nil {
			if len(list) > 1 {
				err = fmt.Errorf("server %d of %d: %w", i+1, len(list), err)
			}
			return nil, err
		}
		nodes[i] = n
	}
	return nodes, nil
}

func parseNode(raw, port string) (node, error) {
	if !strings.Contains(raw, "://") {
		raw = "redis://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil {
		return node{}, errors.New("not a URL; percent-encode special characters in user and password")
	}
	switch {
	case u.Scheme != "redis" && u.Scheme != "rediss":
		return node{}, errors.New("the scheme is one of redis, rediss, redis-sentinel, rediss-sentinel")
	case u.Hostname() == "" || strings.ContainsAny(u.Hostname(), " ,@"):
		return node{}, errors.New("a host name is missing or malformed")
	case u.Fragment != "":
		return node{}, errors.New("an unencoded # is not allowed")
	}
	if p := u.Port(); p != "" {
		port = p
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return node{}, errors.New("the port is a number from 1 to 65535")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return node{}, errors.New("the part after the question mark is malformed")
	}
	password, _ := u.User.Password()
	return node{
		addr: net.JoinHostPort(u.Hostname(), port), user: u.User.Username(), password: password,
		tls: u.Scheme == "rediss", query: query,
		path: strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' }),
	}, nil
}

// agree makes one set of options of a list of servers. The client has one login and one TLS setting for all of them;
// servers that name none go by the first one's, and those that name another are a mistake to report.
func agree(nodes []node) (*redis.UniversalOptions, error) {
	first := nodes[0]
	opts := &redis.UniversalOptions{Username: first.user, Password: first.password}
	if first.tls {
		opts.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	for _, n := range nodes {
		if n.user+n.password != "" && (n.user != first.user || n.password != first.password) {
			return nil, errors.New("all servers share one user and password: give them with the first server")
		}
		if n.tls && !first.tls {
			return nil, errors.New("servers are all redis:// or all rediss://")
		}
		if len(n.path)+len(n.query) > 0 && !slices.Equal(n.path, first.path) {
			return nil, errors.New("all servers share one database: give it with the first server")
		}
		opts.Addrs = append(opts.Addrs, n.addr)
	}
	return opts, nil
}

func database(path []string) (int, error) {
	switch len(path) {
	case 0:
		return 0, nil
	case 1:
		if n, err := strconv.ParseUint(path[0], 10, 16); err == nil {
			return int(n), nil
		}
	}
	return 0, errors.New("the database after the slash is a number such as 0")
}
