package resp

import (
	"bytes"
	"strconv"
)

// AppendCommand appends a command as it is sent.
func AppendCommand(b []byte, args ...string) []byte {
	b = append(b, '*')
	b = strconv.AppendInt(b, int64(len(args)), 10)
	for _, arg := range args {
		b = append(b, "\r\n$"...)
		b = strconv.AppendInt(b, int64(len(arg)), 10)
		b = append(append(b, "\r\n"...), arg...)
	}
	return append(b, "\r\n"...)
}

// CommandName returns the name of the command that b begins with, in lower case, or "" if the start of b does not show it.
func CommandName(b []byte) string {
	parts := bytes.SplitN(b[:min(len(b), 64)], []byte("\r\n"), 4)
	if len(parts) < 4 || len(parts[0]) == 0 || parts[0][0] != '*' {
		return ""
	}
	return string(bytes.ToLower(parts[2]))
}
