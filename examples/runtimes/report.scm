; Scheme (Gambit): continuations, big numbers, and threads that are preempted while they compute.
(define (show . things) (for-each display things) (newline))

(define (generate tree)                       ; a tree walk turned inside out by call/cc
  (define return #f)
  (define (walk node)
    (cond ((null? node) #f)
          ((pair? node) (walk (car node)) (walk (cdr node)))
          (else (call/cc (lambda (next) (set! resume next) (return node))))))
  (define resume #f)
  (lambda ()
    (call/cc (lambda (k)
      (set! return k)
      (if resume (resume #f) (begin (walk tree) #f))
      (return 'end)))))
(let ((next (generate '((1 2) (3 (4 5)) 6))))
  (let loop ((leaf (next)) (leaves '()))
    (if (eq? leaf 'end) (show "leaves " (reverse leaves)) (loop (next) (cons leaf leaves)))))

(define (factorial n) (if (= n 0) 1 (* n (factorial (- n 1)))))
(show "digits of 1000! " (string-length (number->string (factorial 1000))))

; Spinning threads that never yield: only the timer's interrupt lets the others run.
(define turns (make-vector 3 0))
(define stop #f)
(define (spin i) (let loop () (vector-set! turns i (+ 1 (vector-ref turns i))) (if (not stop) (loop))))
(define threads (map (lambda (i) (thread-start! (make-thread (lambda () (spin i))))) '(0 1 2)))
(thread-sleep! 0.5)
(set! stop #t)
(for-each thread-join! threads)
(show "all were preempted " (and (> (vector-ref turns 0) 0) (> (vector-ref turns 1) 0) (> (vector-ref turns 2) 0)))

(define (churn n kept) (if (= n 0) (length kept) (churn (- n 1) (if (= 0 (modulo n 1000)) (list n) (cons n kept)))))
(show "churned " (churn 300000 '()))
(show (with-exception-catcher (lambda (e) (error-exception-message e)) (lambda () (error "as expected" 1))))
