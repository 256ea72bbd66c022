package audit

import (
	"bytes"
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// recordLimits are wider than those of a request, which a record holds.
var recordLimits = strictjson.Limits{Depth: 2 * strictjson.MaxDepth, Names: 1 << 16}

// parseBody reads a whole line as the object that it is.
func parseBody(line []byte) (strictjson.Value, error) {
	return strictjson.Parse(bytes.TrimSuffix(line, []byte{'\n'}), recordLimits)
}

// timeOf is the zero time for anything that is not a time of a record.
func timeOf(v strictjson.Value) time.Time {
	t, err := time.Parse(timeLayout, v.Text())
	if err != nil {
		return time.Time{}
	}
	return t
}
