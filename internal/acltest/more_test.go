package acltest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/jollyjet/aside/cacheable"
	"github.com/jollyjet/aside/internal/redistest"
	"github.com/jollyjet/aside/store"
)

// more are the words that only some users need, by the name of their fence.
var more = map[string]struct {
	option func(*redis.Options)
	need   func(t *testing.T, p *place, r rule, change ...func(*redis.Options))
}{
	"wait":    {need: waitForReplica},
	"select":  {func(o *redis.Options) { o.DB = 5 }, use},
	"setname": {func(o *redis.Options) { o.ClientName = "shop-1" }, use},
}

// Such a user needs the documented words, and nothing else.
func TestWordsForSome(t *testing.T) {
	redistest.Require(t)
	documented := rules(t)
	for name, some := range more {
		t.Run(name, func(t *testing.T) {
			r, change := documented["store"].and(documented[name]), []func(*redis.Options){}
			if some.option != nil {
				change = append(change, some.option)
			}
			p := single(t)
			some.need(t, p, r, change...)
			require.Empty(t, p.refused(t))
			for _, word := range documented[name].permissions() {
				some.need(t, p, r.without(word), change...)
				require.Contains(t, p.refused(t), refusal{r.without(word).user, "command", word[1:]})
			}
		})
	}
}

// With these words go-redis may name itself, and ACL LOG stays empty.
func TestLibraryName(t *testing.T) {
	redistest.Require(t)
	p := single(t)
	r := rules(t)["store"].and(rules(t)["setinfo"])
	if _, err := p.nodes[0].Do(t.Context(), r.command()...); err != nil {
		t.Skipf("this server has no CLIENT SETINFO: %v", err)
	}
	use(t, p, r)
	log, err := p.nodes[0].Do(t.Context(), "ACL", "LOG")
	require.NoError(t, err)
	require.Empty(t, log)
}

// use reads and evicts. Refusals show in ACL LOG.
func use(t *testing.T, p *place, r rule, change ...func(*redis.Options)) {
	t.Helper()
	useClient(t, p.client(t, r, change...))
}

func useClient(t *testing.T, rdb redis.UniversalClient) {
	t.Helper()
	s := openShop(t, &visitor{rdb: rdb, namespace: "shop", lines: redistest.NewLog(slog.LevelWarn), sent: &redistest.Commands{}}, store.Timeout(time.Second))
	_, err := s.plain.Get(t.Context(), "a")
	require.NoError(t, err)
	_ = s.plain.Evict(t.Context(), "a")
}

// waitForReplica evicts and waits for a replica. There is none, but WAIT is sent all the same.
func waitForReplica(t *testing.T, p *place, r rule, _ ...func(*redis.Options)) {
	t.Helper()
	v := &visitor{place: p, rdb: p.client(t, r), namespace: "shop", lines: redistest.NewLog(slog.LevelWarn), sent: &redistest.Commands{}}
	s := openShop(t, v, store.WaitForReplicas(1, 10*time.Millisecond))
	require.ErrorIs(t, s.plain.Evict(t.Context(), "a"), store.ErrUnreplicated)
}

// On a Cluster each additional word is needed: to find the masters, and while a slot moves.
func TestClusterWords(t *testing.T) {
	redistest.Require(t)
	p := cluster(t)
	documented := rules(t)
	whole := documented["store"].and(documented["cluster"])
	p.whileASlotMoves(t, whole)
	require.Empty(t, p.refused(t))
	for _, word := range documented["cluster"].permissions() {
		lacking := whole.without(word)
		p.whileASlotMoves(t, lacking)
		found := p.refusedTo(t, lacking.user)
		require.NotEmpty(t, found)
		for _, r := range found {
			require.True(t, r.of(word), "%+v and not %s", r, word)
		}
	}
}

// whileASlotMoves uses a key that the slot's old owner no longer has.
func (p *place) whileASlotMoves(t *testing.T, r rule) {
	t.Helper()
	v := p.visitor(t, r, "shop")
	s := openShop(t, v, store.Timeout(time.Second))
	key := "moves " + r.user
	addr := s.plain.EntryKey(key).String()
	from := p.cluster.MasterFor(t, addr)
	to := p.otherMaster(t, from)
	slot := p.cluster.Slot(t, addr)
	p.cluster.OpenSlot(t, slot, from, to)
	_, err := s.plain.Get(t.Context(), key)
	require.NoError(t, err)
	_ = s.plain.Evict(t.Context(), key)
	p.cluster.CloseSlot(t, slot, from, to)
}

func (p *place) otherMaster(t *testing.T, not *redistest.Server) *redistest.Server {
	t.Helper()
	for i := range 100 {
		if n := p.cluster.MasterFor(t, string(rune('a'+i))); n != not {
			return n
		}
	}
	t.Fatal("there is one master")
	return nil
}

// A store that may read from replicas sends READONLY to them.
func TestReadonlyWords(t *testing.T) {
	redistest.Require(t)
	p := cluster(t)
	documented := rules(t)
	whole := documented["store"].and(documented["cluster"], documented["readonly"])
	p.readReplicas(t, whole)
	require.Empty(t, p.refused(t))
	for _, word := range documented["readonly"].permissions() {
		p.readReplicas(t, whole.without(word))
		require.Contains(t, p.refused(t), refusal{whole.without(word).user, "command", word[1:]})
	}
}

func (p *place) readReplicas(t *testing.T, r rule) {
	t.Helper()
	p.create(t, r)
	rdb := p.cluster.Client(t, func(o *redis.ClusterOptions) {
		o.Username, o.Password, o.ReadOnly = r.user, password, true
	})
	st, err := store.Open(t.Context(), rdb, store.Namespace("shop"), store.AllowReplicaReads(), store.Timeout(patience),
		store.Logger(redistest.NewLog(slog.LevelWarn).Logger()))
	require.NoError(t, err)
	defer func() { _ = st.Close() }()
	c := cacheable.NewMany(st, "plain", lengths)
	_, err = c.GetAll(t.Context(), []string{"a", "bb", "ccc", "dddd", "eeeee", "ffffff"})
	require.NoError(t, err)
}
