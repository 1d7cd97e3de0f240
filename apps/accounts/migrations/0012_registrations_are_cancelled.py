"""When a registration was cancelled, and when staff asked that a minor is removed: by these rows a data request begins."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0011_an_acceptance_stays'),
        ('policies', '0002_published_never_changes'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='person',
            options={'ordering': ['-id'], 'permissions': [('reveal_person', "Can see a person's fields unmasked; each look is recorded"), ('close_person', 'Can cancel a registration, after which the person is erased')], 'verbose_name_plural': 'people'},
        ),
        migrations.AddField(
            model_name='historicalperson',
            name='closed_at',
            field=models.DateTimeField(editable=False, help_text='When the registration was cancelled; from then on the person is to be erased (P20).', null=True, verbose_name='cancelled at'),
        ),
        migrations.AddField(
            model_name='minorcase',
            name='removal_asked_at',
            field=models.DateTimeField(editable=False, help_text='When staff asked that the minor is removed with their data.', null=True),
        ),
        migrations.AddField(
            model_name='minorcase',
            name='removal_asked_by',
            field=models.CharField(blank=True, editable=False, help_text='Who did it, by reference.', max_length=60),
        ),
        migrations.AddField(
            model_name='person',
            name='closed_at',
            field=models.DateTimeField(editable=False, help_text='When the registration was cancelled; from then on the person is to be erased (P20).', null=True, verbose_name='cancelled at'),
        ),
        migrations.AddIndex(
            model_name='minorcase',
            index=models.Index(condition=models.Q(('removal_asked_at__isnull', False), ('state', 'open')), fields=['removal_asked_at', 'id'], name='minor_case_by_removal'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=models.Index(condition=models.Q(('closed_at__isnull', False)), fields=['closed_at', 'id'], name='person_by_closing'),
        ),
        migrations.AddConstraint(
            model_name='minorcase',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('removal_asked_at__isnull', True), ('removal_asked_by', '')), models.Q(('removal_asked_at__isnull', False), models.Q(('removal_asked_by', ''), _negated=True)), _connector='OR'), name='a_removal_says_who_asked_and_when'),
        ),
    ]
