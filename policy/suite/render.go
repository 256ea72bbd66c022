package suite

import (
	"bytes"
	"time"

	"github.com/authorization-fabric/fabric/policy/strictjson"
)

// render writes the test file, a case a line, so that a review reads rows and
// a diff shows those that changed.
func (m *matrix) render(now time.Time) []byte {
	var b bytes.Buffer
	b.WriteString("{\n  \"packs\": ")
	writeSpaced(&b, stringsOf(m.file.Packs))
	b.WriteString(",\n  \"now\": ")
	writeSpaced(&b, strictjson.StringOf(now.UTC().Format(time.RFC3339Nano)))
	b.WriteString(",\n  \"principals\": {")
	for i, p := range m.principals {
		b.WriteString(rowStart(i))
		b.Write(strictjson.AppendString(nil, p.Name))
		b.WriteString(": ")
		writeSpaced(&b, p.Value)
	}
	b.WriteString("\n  },\n  \"cases\": [")
	for i, c := range m.cases {
		b.WriteString(rowStart(i))
		writeSpaced(&b, c)
	}
	b.WriteString("\n  ]\n}\n")
	return b.Bytes()
}

func rowStart(i int) string {
	if i == 0 {
		return "\n    "
	}
	return ",\n    "
}

// writeSpaced writes a value in one line with blanks behind separators, names
// in their order.
func writeSpaced(b *bytes.Buffer, v strictjson.Value) {
	switch v.Kind() {
	case strictjson.Object:
		b.WriteString("{")
		for i, m := range v.Members() {
			b.WriteString(separator(i))
			b.Write(strictjson.AppendString(nil, m.Name))
			b.WriteString(": ")
			writeSpaced(b, m.Value)
		}
		b.WriteString("}")
	case strictjson.Array:
		b.WriteString("[")
		for i, item := range v.Items() {
			b.WriteString(separator(i))
			writeSpaced(b, item)
		}
		b.WriteString("]")
	case strictjson.Absent, strictjson.Null, strictjson.Bool, strictjson.Number, strictjson.String:
		b.WriteString(canonical(v))
	}
}

func separator(i int) string {
	if i == 0 {
		return ""
	}
	return ", "
}
