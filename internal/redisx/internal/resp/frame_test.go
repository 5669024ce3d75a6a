package resp

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var frames = []string{
	"+OK\r\n", "-ERR no\r\n", ":12\r\n", "$5\r\nhello\r\n", "$0\r\n\r\n", "$-1\r\n", "*0\r\n", "*-1\r\n",
	"*2\r\n$1\r\na\r\n:1\r\n", ">2\r\n+invalidate\r\n*1\r\n$1\r\nk\r\n", "=8\r\ntxt:role\r\n", "!5\r\nERR x\r\n",
	"%1\r\n+a\r\n:1\r\n", "~1\r\n#t\r\n", "_\r\n", ",1.5\r\n", "(123\r\n", "*1\r\n*1\r\n*0\r\n",
}

func TestFramesEndWhereTheyEnd(t *testing.T) {
	for _, frame := range frames {
		n, err := End([]byte(frame + "+NEXT\r\n"))
		require.NoError(t, err, "%q", frame)
		require.Equal(t, len(frame), n, "%q", frame)
		for cut := range len(frame) {
			n, err := End([]byte(frame[:cut]))
			require.NoError(t, err, "%q", frame[:cut])
			require.Zero(t, n, "%q", frame[:cut])
		}
	}
}

func TestWhatIsNoFrame(t *testing.T) {
	for _, text := range []string{
		"hello\r\n", "\r\n", "+OK\n", "$x\r\n", "$-2\r\n", "$1\r\nab\r\n", "*-2\r\n", "*x\r\n", "$99999999999\r\n",
		strings.Repeat("*1\r\n", 20) + ":1\r\n",
	} {
		_, err := End([]byte(text))
		require.ErrorIs(t, err, ErrMalformed, "%q", text)
	}
}

func TestTextOfFrames(t *testing.T) {
	for frame, want := range map[string]string{
		"$5\r\nhello\r\n": "hello", "+OK\r\n": "OK", "=8\r\ntxt:role\r\n": "txt:role", "$0\r\n\r\n": "", "$-1\r\n": "",
	} {
		text, refused := Text([]byte(frame))
		require.Equal(t, want, text)
		require.False(t, refused)
	}
	for frame, want := range map[string]string{"-NOPERM no\r\n": "NOPERM no", "!5\r\nERR x\r\n": "ERR x"} {
		text, refused := Text([]byte(frame))
		require.Equal(t, want, text)
		require.True(t, refused)
	}
}

// A frame is found wherever it is cut, does not depend on what follows, and its text can be read.
func FuzzFrame(f *testing.F) {
	for _, frame := range frames {
		f.Add([]byte(frame))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := End(b)
		if err != nil || n == 0 {
			require.Zero(t, n)
			return
		}
		require.LessOrEqual(t, n, len(b))
		frame := b[:n]
		again, err := End(append(bytes.Clone(frame), "+NEXT\r\n"...))
		require.NoError(t, err)
		require.Equal(t, n, again)
		short, err := End(frame[:n-1])
		require.NoError(t, err)
		require.Zero(t, short)
		Text(frame)
	})
}
