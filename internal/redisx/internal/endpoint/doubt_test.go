package endpoint

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// doubtful is a connection on which a doubt comes up when INFO has been sent.
type doubtful struct {
	net.Conn
	endpoint *Endpoint
}

func (d *doubtful) Write(b []byte) (int, error) {
	n, err := d.Conn.Write(b)
	if d.endpoint != nil {
		d.endpoint.Doubt()
		d.endpoint = nil
	}
	return n, err
}

// A doubt is about the answers that are still under way as well: the connection asks once more.
func TestADoubtRaisedDuringINFOIsNotLost(t *testing.T) {
	for name, asked := range map[string]string{"a new connection": "", "one that asked before": string(askRole)} {
		t.Run(name, func(t *testing.T) {
			e := New("a", Config{})
			s := dialog(t, e)
			if asked != "" {
				_, _, err := s.exchange(command, master("r", "h"))
				require.NoError(t, err)
				e.Doubt()
			} else {
				asked = string(askBoth)
			}
			s.client.Conn = &doubtful{s.client.Conn, e}
			sent, _, err := s.exchange(command, answersTo(asked))
			require.NoError(t, err)
			require.Equal(t, asked+command, sent)

			sent, _, err = s.exchange(command, answersTo(string(askRole)))
			require.NoError(t, err)
			require.Equal(t, string(askRole)+command, sent, "asked after the doubt")
			sent, _, err = s.exchange(command, nil)
			require.NoError(t, err)
			require.Equal(t, command, sent, "once is enough")
		})
	}
}

func answersTo(asked string) map[string]string {
	answers := master("r", "h")
	if asked == string(askRole) {
		delete(answers, "server")
	}
	return answers
}
