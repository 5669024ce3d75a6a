package store

import (
	"context"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Tags that are only known from a value are not known when its load begins, so their generations can't be read then.
// Instead every tag belongs to one of a few groups, each with a generation of its own, and whatever is done to a tag is
// first done to its group. A load takes note of all groups. When it has its value, it reads or starts the generations of
// the value's tags, and after that looks at their groups again: if one has changed, or was held at either time, a tag
// of the value may have been evicted during the load, and the value is not stored. What happens to a tag after its
// generation was read is told by the generation, as for any other tag.
//
// More groups let fewer loads suffer from evictions of tags that they have nothing to do with.
const tagGroups = 16

const tagKind = "tag"

func groupKey(namespace string, group int) Key {
	return markerKey(namespace, "tags", strconv.Itoa(group))
}

func (s *Store) isTag(addr string) bool { return strings.HasPrefix(addr, s.tagPrefix) }

// groupOf returns the number of a tag's group, which is the same in all processes.
func groupOf(addr string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(addr)) // it never fails
	return int(h.Sum32() % tagGroups)
}

// tagsFirst sends calls that change the generations of tags, among others. Before that the same is done to the groups of
// the tags. Where that fails the calls on the tags of the group are sent too, which is enough for tags that follow from keys,
// but they count as failed, so that both are repeated.
func (s *Store) tagsFirst(ctx context.Context, send func(context.Context, ...*call) error, calls ...*call) error {
	var groups [tagGroups]*call
	var first []*call
	for _, c := range calls {
		if !s.isTag(c.Key) {
			continue
		}
		if n := groupOf(c.Key); groups[n] == nil {
			groups[n] = &call{Script: c.Script, Key: s.groups[n].key.addr, Args: c.Args}
			first = append(first, groups[n])
		}
	}
	if len(first) == 0 {
		return send(ctx, calls...)
	}
	err := send(ctx, first...)
	for _, c := range first {
		s.changed(c.Key)
	}
	err = worse(err, send(ctx, calls...))
	for _, c := range calls {
		if !s.isTag(c.Key) {
			continue
		}
		if cause := groups[groupOf(c.Key)].Err(); cause != nil {
			c.Reply = redis.NewCmd(ctx)
			c.Reply.SetErr(cause)
		}
	}
	return err
}
