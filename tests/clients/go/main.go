// One whole life with IBM's SDK core for Go: of a service ID, its policy, its key and a registry namespace.
// IBM's platform and registry SDKs for Go are not on Go's module proxy: their requests go through the core that they
// stand on, which authenticates, sends, and reads errors as it does for them.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"strings"

	"github.com/IBM/go-sdk-core/v5/core"
)

const (
	namespace = "client-life"
	roleCrn   = "crn:v1:bluemix:public:iam::::serviceRole:"
)

var (
	url     = os.Getenv("CLOUD_URL")
	ownKey  = os.Getenv("CLOUD_API_KEY")
	account = os.Getenv("CLOUD_ACCOUNT")
)

type object = map[string]any

// client is one caller.
type client struct{ service *core.BaseService }

// answer is what came back; result is the body, of errors too.
type answer struct {
	status int
	etag   string
	result any
	err    error
}

func as(key string) client {
	authenticator, err := core.NewIamAuthenticatorBuilder().SetApiKey(key).SetURL(url).Build()
	check(err)
	service, err := core.NewBaseService(&core.ServiceOptions{URL: url, Authenticator: authenticator})
	check(err)
	return client{service}
}

func (c client) ask(method, path string, body any, headers ...string) answer {
	builder := core.NewRequestBuilder(method)
	path, query, _ := strings.Cut(path, "?")
	_, err := builder.ResolveRequestURL(url, path, nil)
	check(err)
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' }) {
		name, value, _ := strings.Cut(pair, "=")
		builder.AddQuery(name, value)
	}
	builder.AddHeader("Accept", "application/json")
	builder.AddHeader("Account", account)
	for i := 0; i < len(headers); i += 2 {
		builder.AddHeader(headers[i], headers[i+1])
	}
	if body != nil {
		builder.AddHeader("Content-Type", "application/json")
		_, err = builder.SetBodyContentJSON(body)
		check(err)
	}
	request, err := builder.Build()
	check(err)
	var raw json.RawMessage
	found := answer{}
	response, err := c.service.Request(request, &raw)
	found.err = err
	if response != nil {
		found.status = response.StatusCode
		found.etag = response.Headers.Get("ETag")
		found.result = response.Result
	}
	if err == nil && len(raw) > 0 {
		check(json.Unmarshal(raw, &found.result))
	}
	return found
}

func (a answer) at(keys ...any) any {
	found := a.result
	for _, key := range keys {
		switch key := key.(type) {
		case string:
			held, ok := found.(object)
			if !ok {
				fail("no %v in %v", key, found)
			}
			found = held[key]
		case int:
			held, ok := found.([]any)
			if !ok || len(held) <= key {
				fail("no %v in %v", key, found)
			}
			found = held[key]
		}
	}
	return found
}

func (a answer) text(keys ...any) string { return fmt.Sprint(a.at(keys...)) }

func fail(format string, values ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", values...)
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func expect(what string, wanted, found any) {
	if !reflect.DeepEqual(wanted, found) {
		fail("%s: expected %v, got %v", what, wanted, found)
	}
}

func (a answer) allowed(what string, status int) answer {
	if a.err != nil || a.status != status {
		fail("%s: expected %d, got %d %v", what, status, a.status, a.err)
	}
	return a
}

func (a answer) refused(what string, status int, code string) {
	if a.err == nil {
		fail("%s: expected %d %s, and it was allowed", what, status, code)
	}
	text, _ := json.Marshal(a.result)
	if a.status != status || !strings.Contains(string(text)+a.err.Error(), code) {
		fail("%s: expected %d %s, got %d %s %v", what, status, code, a.status, text, a.err)
	}
}

func attributes(pairs ...string) []object {
	found := []object{}
	for i := 0; i < len(pairs); i += 2 {
		found = append(found, object{"key": pairs[i], "operator": "stringEquals", "value": pairs[i+1]})
	}
	return found
}

func policy(iamID, role string, more ...string) object {
	resource := append([]string{"accountId", account, "serviceName", "container-registry"}, more...)
	return object{
		"type":     "access",
		"subject":  object{"attributes": attributes("iam_id", iamID)},
		"control":  object{"grant": object{"roles": []object{{"role_id": roleCrn + role}}}},
		"resource": object{"attributes": attributes(resource...)},
	}
}

func logIn(user, password string) (int, object) {
	query := "?service=registry&scope=repository:" + namespace + "/web:pull"
	request, err := http.NewRequest(http.MethodGet, url+"/oauth/token"+query, nil)
	check(err)
	request.SetBasicAuth(user, password)
	response, err := http.DefaultClient.Do(request)
	check(err)
	defer response.Body.Close()
	var body object
	check(json.NewDecoder(response.Body).Decode(&body))
	return response.StatusCode, body
}

func main() {
	owner := as(ownKey)
	as("no key").ask("GET", "/api/v1/namespaces", nil).refused("a key that isn't there", 400, "BXNIM0415E")

	made := owner.ask("POST", "/v1/serviceids", object{"account_id": account, "name": "puller"}).allowed("a service ID", 201)
	one, iamID := "/v1/serviceids/"+made.text("id"), made.text("iam_id")
	listed := owner.ask("GET", "/v1/serviceids?name=puller&account_id="+account, nil).allowed("service IDs", 200)
	expect("service IDs", iamID, listed.text("serviceids", 0, "iam_id"))
	tag := owner.ask("GET", one, nil).allowed("a service ID", 200).etag
	changed := owner.ask("PUT", one, object{"description": "pulls"}, "If-Match", tag).allowed("an update", 200)
	expect("description", "pulls", changed.text("description"))
	owner.ask("PUT", one, object{"name": "x"}, "If-Match", tag).refused("a stale tag", 409, "conflict")

	roles := owner.ask("GET", "/v2/roles?service_name=container-registry&account_id="+account, nil).allowed("roles", 200)
	expect("Reader", true, strings.Contains(fmt.Sprint(roles.at("service_roles")), roleCrn+"Reader"))
	granted := owner.ask("POST", "/v2/policies", policy(iamID, "Reader")).allowed("a policy", 201)
	grant := "/v2/policies/" + granted.text("id")
	owner.ask("POST", "/v2/policies", policy(iamID, "Reader")).refused("a policy's twin", 409, "policy_conflict_error")
	narrower := policy(iamID, "Reader", "region", "jp-tok")
	owner.ask("PUT", grant, narrower, "If-Match", granted.etag).allowed("a policy's change", 200)
	expect("a policy's state", "active", owner.ask("GET", grant, nil).allowed("a policy", 200).text("state"))
	held := owner.ask("GET", "/v2/policies?account_id="+account+"&iam_id="+iamID, nil).allowed("policies", 200)
	expect("policies", granted.text("id"), held.text("policies", 0, "id"))

	made = owner.ask("POST", "/v1/apikeys", object{"name": "pull", "iam_id": iamID}).allowed("a key", 201)
	key, value := "/v1/apikeys/"+made.text("id"), made.text("apikey")
	held = owner.ask("GET", "/v1/apikeys?account_id="+account+"&iam_id="+iamID, nil).allowed("keys", 200)
	expect("keys", made.text("id"), held.text("apikeys", 0, "id"))
	for _, what := range []string{"lock", "disable"} {
		owner.ask("POST", key+"/"+what, nil).allowed(what, 204)
		owner.ask("DELETE", key+"/"+what, nil).allowed("the end of "+what, 204)
	}
	tag = owner.ask("GET", key, nil).allowed("a key", 200).etag
	owner.ask("PUT", key, object{"description": "rotated"}, "If-Match", tag).allowed("a key's change", 200)

	space := "/api/v1/namespaces/" + namespace
	expect("a namespace", namespace, owner.ask("PUT", space, nil).allowed("a namespace", 201).text("namespace"))
	expect("namespaces", namespace, owner.ask("GET", "/api/v1/namespaces", nil).allowed("namespaces", 200).text(0))
	details := owner.ask("GET", "/api/v1/namespaces/details", nil).allowed("details", 200)
	expect("details", namespace, details.text(0, "name"))
	puller := as(value)
	expect("images", []any{}, puller.ask("GET", "/api/v1/images", nil).allowed("images", 200).result)
	puller.ask("PUT", "/api/v1/namespaces/of-a-reader", nil).refused("a Reader's namespace", 403, "CRG0020E")
	status, body := logIn("iamapikey", value)
	expect("a login", []any{200, true}, []any{status, body["token"] != nil})
	status, body = logIn("iamapikey", "no key")
	expect("a bad login", []any{400, true}, []any{status, strings.Contains(fmt.Sprint(body["errors"]), "UNAUTHORIZED")})

	report := owner.ask("GET", "/va/api/v4/report/account/status", nil).allowed("an account's report", 200)
	expect("an account's report", []any{}, report.at("images"))
	groups := owner.ask("GET", "/v2/resource_groups?account_id="+account, nil).allowed("groups", 200)
	expect("groups", "true", groups.text("resources", 0, "default"))
	owner.ask("GET", "/v1/serviceids/nobody", nil).refused("no service ID", 404, "BXNIM0404E")
	owner.ask("GET", "/v2/policies/nobody", nil).refused("no policy", 404, "policy_not_found")
	owner.ask("DELETE", "/api/v1/namespaces/nobody", nil).refused("no namespace", 404, "CRG0012E")
	owner.ask("GET", "/v2/resource_groups/nobody", nil).refused("no group", 404, "not found")
	exemption := "/va/api/v4/exempt/image/issue/cve/CVE-2024-0001"
	owner.ask("GET", exemption, nil).refused("no exemption", 404, "BXNVA0010E")
	mfa := "/v1/mfa/accounts/" + account + "/report/latest"
	owner.ask("GET", mfa, nil).refused("what is lacking", 501, "not_implemented")

	owner.ask("DELETE", grant, nil).allowed("a delete", 204)
	puller.ask("GET", "/api/v1/images", nil).refused("after its policy", 403, "CRG0020E")
	owner.ask("DELETE", key, nil).allowed("a delete", 204)
	as(value).ask("GET", "/api/v1/images", nil).refused("after its key", 400, "BXNIM0415E")
	owner.ask("DELETE", one, nil).allowed("a delete", 204)
	owner.ask("DELETE", space, nil).allowed("a delete", 204)
}
