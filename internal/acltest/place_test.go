package acltest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/internal/redistest"
)

// place is a Redis: one node, or a Cluster.
type place struct {
	nodes   []*redistest.Server
	cluster *redistest.Cluster // nil: one node
}

func single(t *testing.T) *place {
	t.Helper()
	return &place{nodes: []*redistest.Server{redistest.Start(t, "acllog-max-len 100000")}}
}

func cluster(t *testing.T) *place {
	t.Helper()
	c := redistest.StartCluster(t, "acllog-max-len 100000")
	return &place{nodes: c.Nodes(), cluster: c}
}

// create creates a user on every node.
func (p *place) create(t *testing.T, r rule) {
	t.Helper()
	for _, n := range p.nodes {
		_, err := n.Do(t.Context(), r.command()...)
		require.NoError(t, err, "%v", r)
	}
}

// client returns a client of the user, whom it creates.
func (p *place) client(t *testing.T, r rule, change ...func(*redis.Options)) redis.UniversalClient {
	t.Helper()
	p.create(t, r)
	if p.cluster != nil {
		return p.cluster.Client(t, func(o *redis.ClusterOptions) { o.Username, o.Password = r.user, password })
	}
	return p.nodes[0].Client(t, append(change, func(o *redis.Options) { o.Username, o.Password = r.user, password })...)
}

func (p *place) admin(t *testing.T) redis.UniversalClient {
	t.Helper()
	if p.cluster != nil {
		return p.cluster.Client(t)
	}
	return p.nodes[0].Client(t)
}

// url is the value of [redistest.ExampleEnv] for a user.
func (p *place) url(r rule) string {
	url := fmt.Sprintf("redis://%s:%s@%s", r.user, password, p.nodes[0].Addr())
	if p.cluster == nil {
		return url
	}
	return url + "?addr=" + strings.Join(p.cluster.Addrs()[1:], "&addr=")
}

// refusal is an entry of ACL LOG.
type refusal struct{ user, reason, object string }

// refused reads the ACL LOG of all nodes. It leaves out that clients of go-redis may not name their library: this does no
// harm, and Redis 7.0 has no command to grant.
func (p *place) refused(t testing.TB) (all []refusal) {
	t.Helper()
	for _, n := range p.nodes {
		reply, err := n.Do(t.Context(), "ACL", "LOG", 100000)
		if err != nil {
			t.Error(err) // not only the test's own goroutine asks
			return nil
		}
		for _, entry := range reply.([]any) {
			fields := map[string]string{}
			for pair := range slices.Chunk(entry.([]any), 2) {
				fields[fmt.Sprint(pair[0])] = fmt.Sprint(pair[1])
			}
			if r := (refusal{fields["username"], fields["reason"], fields["object"]}); r.object != "client|setinfo" {
				all = append(all, r)
			}
		}
	}
	return all
}

// refusedTo are the refusals of one user.
func (p *place) refusedTo(t testing.TB, user string) []refusal {
	t.Helper()
	return slices.DeleteFunc(p.refused(t), func(r refusal) bool { return r.user != user })
}

// of reports whether the refusal was for the lack of a word of a rule.
func (r refusal) of(word string) bool {
	switch word[0] {
	case '~':
		return r.reason == "key"
	case '&':
		return r.reason == "channel"
	default:
		return r.reason == "command" && r.object == word[1:]
	}
}

// calls counts how often a node received a command, whether or not it refused.
func (p *place) calls(t testing.TB, command string) string {
	t.Helper()
	text, err := p.nodes[0].Do(t.Context(), "INFO", "commandstats")
	require.NoError(t, err)
	for line := range strings.Lines(text.(string)) {
		if strings.HasPrefix(line, "cmdstat_"+command+":") {
			return line
		}
	}
	return ""
}
