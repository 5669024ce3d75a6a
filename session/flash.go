package session

import "context"

// Flash stores a message for the next page, in the session or a new one. The errors are those of [Manager.Update].
func (m *Manager[T]) Flash(ctx context.Context, kind, text string) error {
	s, err := m.p.requestOf(ctx)
	if err != nil {
		return err
	}
	return s.update(ctx, false, func(b *body) (bool, error) {
		b.flashes = append(b.flashes[:len(b.flashes):len(b.flashes)], Flash{kind, text})
		return true, nil
	})
}

// Flashes takes the messages out of the session. Each message is shown once, even if several requests ask at once.
// Without a session or messages it returns none, and no error. Messages that others add while a request runs are left
// for the next. Otherwise the errors are those of [Manager.Update], and the messages stay in the session.
func (m *Manager[T]) Flashes(ctx context.Context) ([]Flash, error) {
	s, err := m.p.requestOf(ctx)
	if err != nil {
		return nil, err
	}
	if rec, _, err := s.peek(ctx); err != nil || len(rec.body.flashes) == 0 {
		return nil, ignoreNone(err)
	}
	var taken []Flash
	err = s.update(ctx, true, func(b *body) (bool, error) {
		taken, b.flashes = b.flashes, nil
		return len(taken) > 0, nil
	})
	if err != nil {
		return nil, err
	}
	return taken, nil
}
