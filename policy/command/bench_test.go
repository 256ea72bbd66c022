package command

import "testing"

func BenchmarkParse(b *testing.B) {
	for name, text := range map[string]string{
		"short":   "git status",
		"typical": "kubectl --context prod -n pay get pods -o yaml | grep -v Completed && git -C /srv/app log --oneline -n 5",
		"nested":  `sudo /bin/bash -c "az group list; git push origin main"`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRestricts(b *testing.B) {
	l, err := Parse("kubectl --context prod -n pay get pods -o yaml | grep -v Completed && git -C /srv/app log --oneline -n 5")
	if err != nil {
		b.Fatal(err)
	}
	p, err := CompilePattern("az * delete *")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if p.Restricts(l) {
			b.Fatal("Restricts = true")
		}
	}
}

func BenchmarkRedact(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Redact("kubectl --context prod -n pay get pods -o yaml | grep -v Completed && git -C /srv/app log --oneline -n 5")
	}
}
