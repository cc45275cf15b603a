/* A library with a thread that counts until it is stopped. */

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_t thread;
static int running;
static int stopping;
static int asked;
static int answered;

static void *work(void *unused) {
    pthread_mutex_lock(&lock);
    while (!stopping) {
        if (answered < asked) {
            answered = asked;
            pthread_cond_broadcast(&changed);
        } else {
            pthread_cond_wait(&changed, &lock);
        }
    }
    pthread_mutex_unlock(&lock);
    return unused;
}

/* Has the thread, which is started by the first call, answer. Returns 0, or an error's number. */
int worker_ask(void) {
    pthread_mutex_lock(&lock);
    int error = 0;
    if (!running) {
        error = pthread_create(&thread, NULL, work, NULL);
        running = error == 0;
    }
    if (running) {
        asked++;
        pthread_cond_broadcast(&changed);
        while (answered < asked) {
            pthread_cond_wait(&changed, &lock);
        }
    }
    pthread_mutex_unlock(&lock);
    return error;
}

/* Ends the thread, if it runs. */
void worker_stop(void) {
    pthread_mutex_lock(&lock);
    int runs = running;
    stopping = 1;
    running = 0;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    if (runs) {
        pthread_join(thread, NULL);
    }
}
