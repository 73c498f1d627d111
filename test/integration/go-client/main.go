// A program as operators are written: client-go's typed clients over protobuf and its shared informers. It creates, reads, lists, watches,
// updates, patches and deletes config maps, pods and deployments in a namespace of its own, and checks that the informers saw each change
// once and in order. Called by go-client.test.ts with a kubeconfig; prints "ok" at the end, or what went wrong.
package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/retry"
)

const (
	namespace = "go-client"
	objects   = 50
	writers   = 8
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
	fmt.Println("ok")
}

func run(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.QPS, config.Burst = 1000, 1000
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}
	if _, err := client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("create namespace: %w", err)
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(namespace))
	seen := newJournal()
	maps := factory.Core().V1().ConfigMaps()
	pods := factory.Core().V1().Pods()
	deployments := factory.Apps().V1().Deployments()
	if _, err := maps.Informer().AddEventHandler(seen); err != nil {
		return err
	}
	pods.Informer()
	deployments.Informer()
	factory.Start(ctx.Done())
	for kind, ok := range factory.WaitForCacheSync(ctx.Done()) {
		if !ok {
			return fmt.Errorf("informer of %v did not sync", kind)
		}
	}
	steps := []struct {
		name string
		run  func() error
	}{
		{"informers see what many write", func() error { return manyWriters(ctx, client, seen) }},
		{"pods", func() error { return podLifecycle(ctx, client) }},
		{"deployments", func() error {
			return deploymentLifecycle(ctx, client, func() int {
				list, _ := pods.Lister().Pods(namespace).List(labels.SelectorFromSet(labels.Set{"app": "web"}))
				return len(list)
			})
		}},
		{"errors", func() error { return failures(ctx, client) }},
		{"pages", func() error { return pages(ctx, client) }},
	}
	for _, step := range steps {
		began := time.Now()
		if err := step.run(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Printf("%s: %d ms\n", step.name, time.Since(began).Milliseconds())
	}
	return nil
}

// journal notes what an informer's handler is told about each object.
type journal struct {
	mu     sync.Mutex
	events map[string][]string
}

func newJournal() *journal { return &journal{events: map[string][]string{}} }

func (j *journal) add(what string, obj any) {
	m, ok := obj.(*corev1.ConfigMap)
	if !ok || m.Data["step"] == "" {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events[m.Name] = append(j.events[m.Name], what+m.Data["step"])
}

func (j *journal) OnAdd(obj any, _ bool) { j.add("add", obj) }
func (j *journal) OnUpdate(_, obj any)   { j.add("update", obj) }
func (j *journal) OnDelete(obj any)      { j.add("delete", obj) }
func (j *journal) of(name string) (s []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append(s, j.events[name]...)
}

var _ cache.ResourceEventHandler = &journal{}

// eventually asks until check is true or the context ends.
func eventually(ctx context.Context, what string, check func() bool) error {
	for !check() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("never happened: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

func manyWriters(ctx context.Context, client kubernetes.Interface, seen *journal) error {
	api := client.CoreV1().ConfigMaps(namespace)
	failed := make(chan error, writers)
	for w := range writers {
		go func() {
			failed <- func() error {
				for i := w; i < objects; i += writers {
					name := fmt.Sprintf("map-%d", i)
					made, err := api.Create(ctx, &corev1.ConfigMap{
						ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"n": fmt.Sprint(i % 2)}},
						Data:       map[string]string{"step": "1"},
						BinaryData: map[string][]byte{"bytes": {0, 1, 254, 255}},
					}, metav1.CreateOptions{})
					if err != nil {
						return err
					}
					made.Data["step"] = "2"
					if made, err = api.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
						return err
					}
					if len(made.BinaryData["bytes"]) != 4 || made.BinaryData["bytes"][3] != 255 {
						return fmt.Errorf("bytes came back as %v", made.BinaryData)
					}
					patch := []byte(`{"data":{"step":"3"}}`)
					if _, err = api.Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
						return err
					}
					applied := corev1apply.ConfigMap(name, namespace).WithData(map[string]string{"step": "4"})
					if _, err = api.Apply(ctx, applied, metav1.ApplyOptions{FieldManager: "go", Force: true}); err != nil {
						return err
					}
					if err = api.Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	for range writers {
		if err := <-failed; err != nil {
			return err
		}
	}
	want := "[add1 update2 update3 update4 delete4]"
	for i := range objects {
		name := fmt.Sprintf("map-%d", i)
		err := eventually(ctx, name+" is deleted in the cache", func() bool { return len(seen.of(name)) >= 5 })
		if got := fmt.Sprint(seen.of(name)); err != nil || got != want {
			return fmt.Errorf("%s: informer saw %s, want %s (%v)", name, got, want, err)
		}
	}
	return nil
}

func podLifecycle(ctx context.Context, client kubernetes.Interface) error {
	api := client.CoreV1().Pods(namespace)
	watcher, err := api.Watch(ctx, metav1.ListOptions{LabelSelector: "app=single", AllowWatchBookmarks: true})
	if err != nil {
		return err
	}
	defer watcher.Stop()
	pod, err := api.Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "single-", Labels: map[string]string{"app": "single"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "nginx"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if pod.Spec.RestartPolicy != corev1.RestartPolicyAlways || pod.Status.Phase != corev1.PodPending {
		return fmt.Errorf("defaults are missing: %v %v", pod.Spec.RestartPolicy, pod.Status.Phase)
	}
	grace := int64(1)
	types := map[watch.EventType]int{}
	for event := range watcher.ResultChan() {
		types[event.Type]++
		if event.Type == watch.Error {
			return apierrors.FromObject(event.Object)
		}
		if event.Type == watch.Bookmark {
			continue
		}
		now := event.Object.(*corev1.Pod)
		if event.Type == watch.Deleted {
			break
		}
		if now.Status.Phase == corev1.PodRunning && now.DeletionTimestamp == nil {
			if err := api.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &grace}); err != nil {
				return err
			}
		}
	}
	if types[watch.Added] != 1 || types[watch.Deleted] != 1 || types[watch.Modified] < 3 {
		return fmt.Errorf("watch saw %v", types)
	}
	return nil
}

func deploymentLifecycle(ctx context.Context, client kubernetes.Interface, cached func() int) error {
	api := client.AppsV1().Deployments(namespace)
	replicas := int32(3)
	app := map[string]string{"app": "web"}
	_, err := api.Create(ctx, &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: app},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: app},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "nginx"}}},
			},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	ready := func(n int32) func() bool {
		return func() bool {
			d, err := api.Get(ctx, "web", metav1.GetOptions{})
			return err == nil && d.Status.ObservedGeneration == d.Generation && d.Status.ReadyReplicas == n && d.Status.Replicas == n
		}
	}
	if err := eventually(ctx, "three replicas ready", ready(3)); err != nil {
		return err
	}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		scale, err := api.GetScale(ctx, "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		scale.Spec.Replicas = 1
		_, err = api.UpdateScale(ctx, "web", scale, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	if err := eventually(ctx, "one replica ready", ready(1)); err != nil {
		return err
	}
	background := metav1.DeletePropagationBackground
	if err := api.Delete(ctx, "web", metav1.DeleteOptions{PropagationPolicy: &background}); err != nil {
		return err
	}
	return eventually(ctx, "the informer's cache has no pod of it", func() bool { return cached() == 0 })
}

func failures(ctx context.Context, client kubernetes.Interface) error {
	api := client.CoreV1().ConfigMaps(namespace)
	if _, err := api.Get(ctx, "none", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return fmt.Errorf("want NotFound, got %v", err)
	}
	one := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "one"}}
	made, err := api.Create(ctx, one, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if _, err := api.Create(ctx, one, metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("want AlreadyExists, got %v", err)
	}
	made.Data = map[string]string{"a": "b"}
	if _, err := api.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	if _, err := api.Update(ctx, made, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		return fmt.Errorf("want Conflict, got %v", err)
	}
	bad := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "Bad Name"}}
	_, err = api.Create(ctx, bad, metav1.CreateOptions{})
	status, ok := err.(apierrors.APIStatus)
	if !apierrors.IsInvalid(err) || !ok || len(status.Status().Details.Causes) != 1 {
		return fmt.Errorf("want Invalid with a cause, got %v", err)
	}
	return nil
}

func pages(ctx context.Context, client kubernetes.Interface) error {
	api := client.CoreV1().ConfigMaps(namespace)
	for i := range 7 {
		m := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("page-%d", i), Labels: map[string]string{"page": "x"}}}
		if _, err := api.Create(ctx, m, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	found := 0
	options := metav1.ListOptions{Limit: 3, LabelSelector: "page=x"}
	for {
		list, err := api.List(ctx, options)
		if err != nil {
			return err
		}
		found += len(list.Items)
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	if found != 7 {
		return fmt.Errorf("found %d of 7", found)
	}
	err := api.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "page=x"})
	if err != nil {
		return err
	}
	rest, err := api.List(ctx, metav1.ListOptions{LabelSelector: "page=x"})
	if err == nil && len(rest.Items) != 0 {
		err = fmt.Errorf("%d are left", len(rest.Items))
	}
	return err
}
