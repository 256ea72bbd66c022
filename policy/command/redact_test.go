package command

import (
	"strings"
	"testing"
)

// Policy-pack 11.2: no secret leaves, and what is harmless stays readable.
// Every CANARY is a secret.
func TestRedact(t *testing.T) {
	for _, c := range []struct{ rule, text, want string }{
		{
			"FR36", `curl -H 'Authorization: Bearer CANARY1' -u bob:CANARY2 'https://x.example/a?access_key=CANARY3&p=1' --password=CANARY4`,
			`curl -H 'Authorization: ***' -u bob:*** 'https://x.example/a?access_key=***&p=1' --password=***`,
		},
		{"a header in double quotes", `curl -H "X-Api-Key: CANARY" h`, `curl -H 'X-Api-Key: ***' h`},
		{"a header attached", `curl -HAuthorization:CANARY h`, `curl '-HAuthorization: ***' h`},
		{"a header behind an equals sign", `curl --header='Authorization: CANARY' h`, `curl '--header=Authorization: ***' h`},
		{"a header in pieces", `curl -H "Author"'ization: CANARY' h`, `curl -H 'Authorization: ***' h`},
		{"a cookie", `curl -H 'Cookie: a=CANARY; b=CANARY' h`, `curl -H 'Cookie: ***' h`},
		{"another header", `curl -H 'Accept: application/json' h`, `curl -H 'Accept: application/json' h`},
		{"a header in a text", `printf 'GET /\nAuthorization: Basic CANARY\n' x`, `printf 'GET /\nAuthorization: ***' x`},
		{"user and password", `curl -sSu bob:CANARY h`, `curl -sSu bob:*** h`},
		{"user and password attached", `curl -ubob:CANARY h`, `curl -ubob:*** h`},
		{"user and password, long", `curl --user=bob:CANARY --proxy-user x:CANARY h`, `curl --user=bob:*** --proxy-user x:*** h`},
		{"a user that is the secret", `curl -u CANARY: h`, `curl -u ***: h`},
		{"a user alone", `curl -u bob h`, `curl -u bob h`},
		{"a password in a URL", `psql postgres://u:CANARY@h/db`, `psql postgres://u:***@h/db`},
		{"a token in a URL", `git clone https://CANARY@github.com/x/y`, `git clone https://***@github.com/x/y`},
		{"a user in a URL", `git clone ssh://git@github.com/x`, `git clone ssh://git@github.com/x`},
		{"an scp-like address", `git clone git@github.com:x/y`, `git clone git@github.com:x/y`},
		{"a query without quotes", `curl https://h/?a=1&sig=CANARY&b=2`, `curl https://h/?a=1&sig=***&b=2`},
		{"a query in capitals", `curl 'https://h/?API_KEY=CANARY'`, `curl 'https://h/?API_KEY=***'`},
		{"a shared access signature", `az storage blob list --sas-token 'sv=1&sig=CANARY'`, `az storage blob list --sas-token ***`},
		{"an option", `az vm create --admin-password CANARY --size s`, `az vm create --admin-password *** --size s`},
		{"an option in pieces", `x --pass"wo"rd=CANARY`, `x --password=***`},
		{"an option with a quoted value", `x --client-secret 'CAN ARY' y`, `x --client-secret *** y`},
		{"an option in camel case", `x --clientSecret=CANARY`, `x --clientSecret=***`},
		{"a property", `java -Dpassword=CANARY -jar a.jar`, `java -Dpassword=*** -jar a.jar`},
		{"a value in an option", `helm install --set db.password=CANARY --set a=b c`, `helm install --set db.password=*** --set a=b c`},
		{"a connection string", `x --conn 'Server=h;Password=CANARY;Port=1'`, `x --conn 'Server=h;Password=***;Port=1'`},
		{"a connection string as a whole", `x --connection-string 'Endpoint=sb://x/;SharedAccessKey=CANARY'`, `x --connection-string ***`},
		{"a variable", `PGPASSWORD=CANARY psql -h h`, `PGPASSWORD=*** psql -h h`},
		{"an exported variable", `export AWS_SECRET_ACCESS_KEY='CAN ARY'`, `export AWS_SECRET_ACCESS_KEY=***`},
		{"a variable of a container", `docker run -p 80:80 -e DB_PASSWORD=CANARY -e A=1 i`, `docker run -p 80:80 -e DB_PASSWORD=*** -e A=1 i`},
		{"mysql -p attached", `mysql -pCANARY -u root db`, `mysql -p*** -u root db`},
		{"mysql -p asks", `mysql -u root -p db`, `mysql -u root -p db`},
		{"a login", `docker login -u x -p CANARY r.io`, `docker login -u x -p *** r.io`},
		{"another login", `az login --service-principal -u a -p CANARY --tenant t`, `az login --service-principal -u a -p *** --tenant t`},
		{"sshpass", `sshpass -p CANARY ssh h`, `sshpass -p *** ssh h`},
		{"sshpass behind sudo", `sudo sshpass -pCANARY ssh h`, `sudo sshpass -p*** ssh h`},
		{"a value of a secret", `az keyvault secret set --name n --value CANARY`, `az keyvault secret set --name n --value ***`},
		{"another value", `az tag create --name n --value v`, `az tag create --name n --value v`},
		{"a literal of a secret", `kubectl create secret generic x --from-literal=pw=CANARY`, `kubectl create secret generic x --from-literal=***`},
		{"JSON", `curl -d '{"user":"bob","password":"CANARY"}' h`, `curl -d '{"user":"bob","password":***}' h`},
		{"JSON in double quotes", `curl -d "{\"token\": \"CANARY\"}" h`, `curl -d '{"token": ***}' h`},
		{"a form", `curl -d 'user=a&password=CANARY&z=1' h`, `curl -d 'user=a&password=***&z=1' h`},
		{"YAML", "cat <<E\nuser: bob\npassword: CANARY\nE", "cat <<E\nuser: bob\npassword: ***\nE"},
		{"netrc", `printf 'machine h login u password CANARY'`, `printf 'machine h login u password ***'`},
		{"inside sh -c", `sh -c "curl -u bob:CANARY https://u:CANARY@h/p"`, `sh -c 'curl -u bob:*** https://***@h/p'`},
		{"inside two shells", `sh -c "sh -c 'mysql -pCANARY db'"`, `sh -c 'sh -c '\''mysql -p*** db'\'''`},
		{"inside a substitution", `a $(curl -u a:CANARY h)`, `a $(curl -u a:*** h)`},
		{"inside backquotes", "a `curl --token CANARY`", "a `curl --token ***`"},
		{"behind a pipe", `ls | curl --token CANARY`, `ls | curl --token ***`},
		{"an open quote", `curl --password 'abc CANARY`, `curl --password ***`},
		{"an open quote elsewhere", `echo "it && curl --password CANARY`, `echo 'it && curl --password ***'`},
		{"no bash at all", `;; )) --api-key CANARY {`, `;; )) --api-key *** {`},
		{"a GitHub token", `echo ghp_0123456789abcdefghijCANARY`, `echo ***`},
		{"a JWT", `x eyJhbGciOiJub25lIn0.eyJDQU5BUlkiOjF9CANARY.abc`, `x ***`},
		{"a storage key", `x --k ` + strings.Repeat("CANARY", 14) + `xx==`, `x --k ***`},
		{"a private key", "echo '-----BEGIN RSA PRIVATE KEY-----\nCANARY\n-----END RSA PRIVATE KEY-----'", "echo '***'"},
		{"bearer in a text", `echo 'bearer CANARY'`, `echo 'bearer ***'`},
		{"harmless words", `git commit -m "fix the key handling"`, `git commit -m "fix the key handling"`},
		{"harmless search", `grep -rn password src`, `grep -rn password src`},
		{"harmless options", `sort --key=2 -t : f`, `sort --key=2 -t : f`},
		{"a file name on aws", `aws s3api get-object --key a/b --bucket c`, `aws s3api get-object --key a/b --bucket c`},
		{"a flag", `docker login --password-stdin r.io`, `docker login --password-stdin r.io`},
		{"quotes stay as they are", `echo "a b" 'c' d\ e`, `echo "a b" 'c' d\ e`},
		{"a line of its own", `kubectl -n pay get pods -o yaml | grep -v x && ls`, `kubectl -n pay get pods -o yaml | grep -v x && ls`},
	} {
		got := Redact(c.text)
		if got != c.want || strings.Contains(got, "CANARY") {
			t.Errorf("%s: Redact(%q)\n got %q\nwant %q", c.rule, c.text, got, c.want)
		}
	}
}

// Redacting twice changes nothing more, and a line knows its own text.
func TestRedactedLine(t *testing.T) {
	l := parse(t, "curl -u bob:CANARY $X --token CANARY")
	want := "curl -u bob:*** $X --token ***"
	if got := l.Redacted(); got != want || Redact(got) != want {
		t.Errorf("Redacted() = %q, then %q, want %q", got, Redact(got), want)
	}
}

// What cannot be read to its end is hidden as a whole.
func TestRedactIsBounded(t *testing.T) {
	nested := "--token CANARY"
	for range maxRedactions + 2 {
		nested = "sh -c " + quote(nested)
	}
	if got := Redact(nested); strings.Contains(got, "CANARY") || !strings.HasPrefix(got, "sh -c ") {
		t.Errorf("Redact of a nested line = %q", got)
	}
}
